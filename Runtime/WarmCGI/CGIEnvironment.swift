import CGlibc

/// What a web server put into a CGI program's environment, as far as anybody needs it.
struct CGIEnvironment {
    /// What describes the request (RFC 3875 §4.1 and what servers add), and nothing else: no secret of the web server's
    /// goes over.
    private(set) var request: [NameValuePair] = []
    /// What describes the installation: a resident server is given this and no more, and serves only who has the same.
    private(set) var installation: [NameValuePair] = []

    /// - Parameters:
    ///   - pairs: the environment in its order.
    ///   - settings: the names of the installation's own settings.
    init(_ pairs: [NameValuePair], settings: NameSet) {
        request.reserveCapacity(pairs.count)
        installation.reserveCapacity(pairs.count)
        for pair in pairs {
            let name = Fingerprint(of: pair.name)
            if Self.requestNames.contains(name) || Self.isField(pair.name) {
                request.append(pair)
            } else if Self.installationNames.contains(name) || settings.contains(name)
                || Self.hasPrefix(pair.name, "PG") || Self.hasPrefix(pair.name, "LC_")
            {
                installation.append(pair)
            }
        }
    }

    /// The process's own.
    static func ofProcess() -> [NameValuePair] {
        var pairs: [NameValuePair] = []
        var entry = cglibc_environment()
        while let text = entry.pointee {
            if let equals = strchr(text, Int32(UInt8(ascii: "="))) {
                let name = UnsafeRawBufferPointer(start: text, count: equals - text)
                pairs.append(NameValuePair(String(decoding: name, as: UTF8.self), String(cString: equals + 1)))
            }
            entry += 1
        }
        return pairs
    }

    subscript(name: String) -> String? {
        let pair = request.first { $0.name == name } ?? installation.first { $0.name == name }
        guard let value = pair?.value, !value.isEmpty else { return nil }
        return value
    }

    /// Bytes of the body to pass on: as many as were declared, 0 for a length that is none, which the server refuses.
    /// `.max` is to the end of input, where a method that has bodies came without a length: Apache passes on so what came
    /// to it in chunks.
    var bodyLength: Int {
        guard let text = self["CONTENT_LENGTH"] else {
            return Self.methodsWithoutBody.contains(self["REQUEST_METHOD"] ?? "GET") ? 0 : .max
        }
        guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return 0 }
        return Int(text) ?? 0
    }

    /// A safe method without a body (RFC 9110 §9.2.1): whoever asks again gets an answer, and changes nothing.
    var mayBeDoneTwice: Bool {
        bodyLength == 0 && Self.safeMethods.contains(self["REQUEST_METHOD"] ?? "")
    }

    private static let safeMethods = ["GET", "HEAD", "OPTIONS"]

    /// As the server has it, which does not wait for a body with these.
    private static let methodsWithoutBody = ["GET", "HEAD", "DELETE", "OPTIONS"]

    /// The header fields of the request. `HTTP_PROXY` is what a caller's `Proxy` field becomes and HTTP clients take for a
    /// setting (httpoxy, CVE-2016-5385).
    private static func isField(_ name: String) -> Bool { hasPrefix(name, "HTTP_") && name != "HTTP_PROXY" }

    private static let requestNames: NameSet = [
        "AUTH_TYPE", "CONTENT_LENGTH", "CONTENT_TYPE", "GATEWAY_INTERFACE", "HTTPS", "PATH_INFO", "QUERY_STRING",
        "REDIRECT_HTTP_AUTHORIZATION", "REMOTE_ADDR", "REMOTE_HOST", "REMOTE_IDENT", "REMOTE_PORT", "REMOTE_USER",
        "REQUEST_METHOD", "REQUEST_SCHEME", "REQUEST_URI", "SCRIPT_NAME", "SERVER_NAME", "SERVER_PORT",
        "SERVER_PROTOCOL", "SERVER_SOFTWARE",
    ]

    /// What the libraries of the server read besides its settings and libpq's `PG…`: certificates, languages, places.
    private static let installationNames: NameSet = [
        "PATH", "HOME", "USER", "LANG", "TZ", "TMPDIR", "XDG_RUNTIME_DIR", "LD_LIBRARY_PATH", "SSL_CERT_FILE",
        "SSL_CERT_DIR",
    ]

    private static func hasPrefix(_ name: String, _ prefix: StaticString) -> Bool {
        var name = name
        return name.withUTF8 { bytes in
            guard bytes.count >= prefix.utf8CodeUnitCount else { return false }
            for index in 0..<prefix.utf8CodeUnitCount where bytes[index] != prefix.utf8Start[index] { return false }
            return true
        }
    }
}
