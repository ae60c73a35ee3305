import FunctionCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// What is particular to a process that a web server starts for one request.
public enum CGIProcess {
    /// Whether a web server started us for a request (RFC 3875 §4.1.4). A FastCGI server that a CGI program started
    /// (cgi-fcgi does) has the same environment, and a listening socket where a request's body would be.
    public static var isCGI: Bool { getenv("GATEWAY_INTERFACE") != nil && !hasListeningInput }

    /// Whether descriptor 0 is a listening socket, as a FastCGI process is started with (FastCGI 1.0 §2.2).
    public static var hasListeningInput: Bool {
        var value: CInt = 0
        var length = socklen_t(MemoryLayout<CInt>.size)
        return getsockopt(STDIN_FILENO, SOL_SOCKET, SO_ACCEPTCONN, &value, &length) == 0 && value != 0
    }

    /// Makes the process safe to work in. Call it first, while there is one thread.
    ///
    /// Removes `HTTP_PROXY`, which a caller's `Proxy` field becomes and HTTP clients take for a setting (httpoxy,
    /// CVE-2016-5385); opens what the web server left closed of descriptors 0 to 2, so that no later socket takes a
    /// response's or log line's place; and ignores SIGPIPE, so that a write to a web server that left fails instead.
    /// For CGI it holds SIGTERM back, which ``serve(_:program:basePath:)`` waits for.
    public static func prepare() {
        unsetenv("HTTP_PROXY")
        signal(SIGPIPE, SIG_IGN)
        // A reload starts the program anew, with the socket elsewhere.
        if hasListeningInput { unsetenv("GATEWAY_INTERFACE") }
        if isCGI {
            // Threads made from now on inherit the mask.
            var signals = terminationSignals
            pthread_sigmask(SIG_BLOCK, &signals, nil)
        }
        for descriptor: Int32 in 0...2 where fcntl(descriptor, F_GETFD) == -1 {
            // The lowest free descriptor is taken, and all below this one are open by now.
            _ = open("/dev/null", O_RDWR)
        }
    }

    /// The process's environment, name and value, in the order in which it was given.
    public static var environment: [(String, String)] {
        var pairs: [(String, String)] = []
        var entry = environ
        while let text = entry.pointee {
            let pair = String(cString: text)
            if let equals = pair.utf8.firstIndex(of: UInt8(ascii: "=")) {
                pairs.append((String(pair[..<equals]), String(pair[pair.utf8.index(after: equals)...])))
            }
            entry += 1
        }
        return pairs
    }

    private static var terminationSignals: sigset_t {
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGTERM)
        return signals
    }

    /// Serves the one request on standard input and output. SIGTERM, which a web server sends when the caller has left,
    /// cancels the function's task; what has to be finished all the same (charging for what was made) is.
    ///
    /// - Parameter program: the path by which the web server called us; see `RequestHead.Program`.
    /// - Returns: the process's exit status: 0 when the whole response was written, else 1.
    public static func serve(
        _ responder: any Responder, program: String, basePath: String = "", trustedProxies: TrustedProxies = .none
    ) async -> Int32 {
        let host = CGIHost(
            responder: responder, environment: [(GatewayVariables.program, program)] + environment, basePath: basePath,
            trustedProxies: trustedProxies, input: DescriptorInput(), output: DescriptorOutput())
        let work = Task { await host.run() }
        Task {
            _ = await BlockingCall.run {
                var signals = terminationSignals
                var signal: CInt = 0
                sigwait(&signals, &signal)
                return .success(())
            }
            work.cancel()
        }
        return await work.value ? 0 : 1
    }
}
