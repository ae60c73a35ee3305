import Glibc
import HTTPTypes
import Testing
import WebClient

/// Against `openssl s_server`, with certificates made for the test.
@Suite("WebClient: TLS", .enabled(if: OpenSSL.isInstalled, "needs /usr/bin/openssl"))
struct TLSTests {
    @Test("pass - a server whose authority is trusted")
    func trusted() async throws {
        try await withTLSServer(name: "IP:127.0.0.1") { url, certificate in
            var configuration = WebClient.Configuration()
            configuration.certificateAuthorityFile = certificate
            let client = WebClient(configuration, logger: quiet)
            let response = try await client.send(request(url))
            #expect(response.status == .ok)
            await client.shutdown()
        }
    }

    @Test("fail - a certificate that nobody we trust has signed")
    func selfSigned() async throws {
        try await withTLSServer(name: "IP:127.0.0.1") { url, _ in
            let client = WebClient(logger: quiet)
            #expect(await kind { try await client.send(request(url)) } == .tls)
            #expect(await kind { try await client.stream(request(url)) } == .tls)
            await client.shutdown()
        }
    }

    @Test("fail - a trusted certificate for another name")
    func otherName() async throws {
        try await withTLSServer(name: "DNS:elsewhere.example") { url, certificate in
            var configuration = WebClient.Configuration()
            configuration.certificateAuthorityFile = certificate
            let client = WebClient(configuration, logger: quiet)
            #expect(await kind { try await client.send(request(url)) } == .tls)
            await client.shutdown()
        }
    }

    @Test("fail - a server that speaks no TLS")
    func plain() async throws {
        try await withServer {
            $0.send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        } _: { server, client in
            let request = request(server.url(scheme: "https"))
            #expect(await kind { try await client.send(request) } == .tls)
        }
    }

    @Test("fail - trust in a file that is not there is no trust")
    func noAuthorities() async throws {
        try await withTLSServer(name: "IP:127.0.0.1") { url, certificate in
            var configuration = WebClient.Configuration()
            configuration.certificateAuthorityFile = certificate + ".missing"
            let client = WebClient(configuration, logger: quiet)
            #expect(await kind { try await client.send(request(url)) } == .tls)
            await client.shutdown()
        }
    }
}

/// Runs `body` with the URL of a TLS server and the path of its own certificate, issued to `name`.
private func withTLSServer(name: String, _ body: (String, String) async throws -> Void) async throws {
    var template = Array("/tmp/web-client.XXXXXX".utf8CString)
    let directory = String(cString: try #require(mkdtemp(&template)))
    let (key, certificate) = (directory + "/key.pem", directory + "/certificate.pem")
    defer {
        unlink(key)
        unlink(certificate)
        rmdir(directory)
    }
    let status = try await offPool {
        try OpenSSL(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
            "-subj", "/CN=test", "-addext", "subjectAltName=\(name)", "-keyout", key, "-out", certificate
        ).wait()
    }
    #expect(status == 0)

    let server = try OpenSSL("s_server", "-accept", "127.0.0.1:0", "-key", key, "-cert", certificate, "-www")
    defer { server.end() }
    // "ACCEPT 127.0.0.1:12345"
    let address = try await offPool { server.readLine(after: "ACCEPT ") }
    let port = try #require(address?.split(separator: ":").last)
    try await body("https://127.0.0.1:\(port)/", certificate)
}

/// A running `openssl`, its standard output, and its process id to end it by.
private struct OpenSSL: Sendable {
    static let path = "/usr/bin/openssl"
    static var isInstalled: Bool { access(path, X_OK) == 0 }

    private let process: pid_t
    private let output: Int32

    init(_ arguments: String...) throws {
        let ends = try descriptors.withLock { _ in
            var ends: [Int32] = [0, 0]
            guard pipe(&ends) == 0 else { throw SystemError(errno) }
            for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
            return ends
        }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
        posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        var vector = ([Self.path] + arguments).map { strdup($0) } + [nil]
        defer { vector.forEach { free($0) } }
        var process = pid_t()
        let result = descriptors.withLock { _ in
            posix_spawn(&process, Self.path, &actions, nil, &vector, environ)
        }
        close(ends[1])
        guard result == 0 else {
            close(ends[0])
            throw SystemError(result)
        }
        self.process = process
        output = ends[0]
    }

    /// What follows `prefix` on the first line that has it.
    func readLine(after prefix: String) -> String? {
        var line: [UInt8] = []
        var byte: UInt8 = 0
        while read(output, &byte, 1) == 1 {
            guard byte == 0x0A else {
                line.append(byte)
                continue
            }
            let text = String(decoding: line, as: UTF8.self)
            if text.hasPrefix(prefix) { return String(text.dropFirst(prefix.count)) }
            line = []
        }
        return nil
    }

    /// SIGKILL, since a child begun on a Swift task's thread inherits that other signals are blocked.
    func end() {
        kill(process, SIGKILL)
        wait()
    }

    @discardableResult
    func wait() -> Int32 {
        var status: Int32 = 0
        waitpid(process, &status, 0)
        close(output)
        return status
    }
}
