/// The proxies whose `X-Forwarded-For` is believed. From anybody else it is what a caller made up.
public struct TrustedProxies: Sendable, Hashable {
    private struct Network: Sendable, Hashable {
        var address: [UInt8]
        var prefix: Int
    }

    private var networks: [Network]
    /// Whether a peer on a Unix socket, which has no address, counts as one.
    private var trustsUnixSockets: Bool

    /// Believes nobody.
    public static let none = TrustedProxies([])!

    /// - Parameter texts: addresses and networks, `127.0.0.1`, `10.0.0.0/8`, `fd00::/8`, or `unix`.
    /// - Returns: nil when one of them is none of these.
    public init?(_ texts: [String]) {
        networks = []
        trustsUnixSockets = texts.contains("unix")
        for text in texts where text != "unix" {
            let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
            guard let address = IPAddress(String(parts[0]))?.bytes else { return nil }
            let prefix = parts.count == 2 ? Int(parts[1]) : address.count * 8
            guard let prefix, (0...address.count * 8).contains(prefix) else { return nil }
            networks.append(Network(address: address, prefix: prefix))
        }
    }

    /// Who the caller is: the peer, or, where that is a trusted proxy, the nearest address in `X-Forwarded-For` that is
    /// not one.
    ///
    /// - Parameter peer: the address at the socket's other end; nil on a Unix socket.
    /// - Parameter forwardedFor: the values of the field in the order received.
    public func clientAddress(peer: String?, forwardedFor: [String]) -> String? {
        guard !forwardedFor.isEmpty, peer.map(contains) ?? trustsUnixSockets else { return peer }
        var client = peer
        let hops = forwardedFor.flatMap { $0.split(separator: ",") }
        for hop in hops.reversed() {
            let hop = String(hop.filter { $0 != " " && $0 != "\t" })
            guard IPAddress(hop) != nil else { return client }
            client = hop
            if !contains(hop) { return client }
        }
        return client
    }

    private func contains(_ text: String) -> Bool {
        guard let address = IPAddress(text)?.bytes else { return false }
        return networks.contains { network in
            guard network.address.count == address.count else { return false }
            return (0..<network.prefix).allSatisfy { bit in
                let mask = UInt8(0x80) >> UInt8(bit % 8)
                return network.address[bit / 8] & mask == address[bit / 8] & mask
            }
        }
    }
}
