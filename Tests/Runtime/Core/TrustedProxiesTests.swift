import FunctionCore
import Testing

@Suite("Trusted proxies")
struct TrustedProxiesTests {
    @Test("the caller is the nearest address that is not a trusted proxy's")
    func nearest() throws {
        let proxies = try #require(TrustedProxies(["10.0.0.0/8", "::1", "unix"]))
        func caller(_ peer: String?, _ fields: String...) -> String? {
            proxies.clientAddress(peer: peer, forwardedFor: fields)
        }
        #expect(caller("192.0.2.1", "6.6.6.6") == "192.0.2.1")
        #expect(caller("10.1.2.3", "6.6.6.6, 192.0.2.7") == "192.0.2.7")
        #expect(caller("10.1.2.3", "6.6.6.6, 192.0.2.7,10.9.9.9") == "192.0.2.7")
        #expect(caller("10.1.2.3", "6.6.6.6", "192.0.2.7") == "192.0.2.7")
        #expect(caller("::ffff:10.1.2.3", "2001:db8::1") == "2001:db8::1")
        #expect(caller("::1", "10.0.0.1") == "10.0.0.1")
        #expect(caller(nil, "192.0.2.7") == "192.0.2.7")
        #expect(caller("10.1.2.3") == "10.1.2.3")
        #expect(caller("10.1.2.3", "192.0.2.7, not an address") == "10.1.2.3")
    }

    @Test("without any, what callers say does not count")
    func none() {
        #expect(TrustedProxies.none.clientAddress(peer: nil, forwardedFor: ["6.6.6.6"]) == nil)
        #expect(TrustedProxies.none.clientAddress(peer: "127.0.0.1", forwardedFor: ["6.6.6.6"]) == "127.0.0.1")
    }

    @Test(
        "what is neither address nor network is refused",
        arguments: ["", "10.0.0.0/33", "10.0.0/8", "host", "::1/129", "10.0.0.0/-1"])
    func refuses(_ text: String) {
        #expect(TrustedProxies([text]) == nil)
    }
}
