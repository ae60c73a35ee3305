extension WebServer {
    func lighttpdSite(_ place: Place) throws -> Site {
        var programs: [Invocation] = []
        var environment: [String: String] = [:]
        let text: String
        switch self {
        case .lighttpdCGI:
            text = try place.deployed(
                "lighttpd/callwaiting-cgi.conf",
                [("\"/\" => \"/usr/local/bin/callwaiting/\"", "\"\(place.prefix)/\" => \"\(place.program)/\"")])
        case .lighttpdSpawned:
            // lighttpd passes its own environment on to what it starts.
            environment = place.application.environment
            text = try place.deployed(
                "lighttpd/callwaiting-spawned.conf",
                [
                    ("/usr/local/bin", place.programs), ("/run/lighttpd/callwaiting.sock", place.socket),
                    ("    \"/\" => (", "    \"\(place.prefix)/\" => ("),
                ])
        default:
            programs.append(place.server("--socket", place.socket, "--socket-mode", "666"))
            text = try place.deployed(
                "lighttpd/callwaiting-fastcgi.conf",
                [
                    ("/run/callwaiting/fastcgi.sock", place.socket),
                    ("    \"/\" => (", "    \"\(place.prefix)/\" => ("),
                ])
        }
        try place.write("callwaiting.conf", text)
        let configuration = try place.write("lighttpd.conf", lighttpdMain(place))
        programs.append(
            Invocation(
                name: "lighttpd", executable: "/usr/sbin/lighttpd", arguments: ["-D", "-f", configuration],
                environment: environment))
        return Site(
            port: place.port,
            check: Invocation(
                name: "lighttpd -tt", executable: "/usr/sbin/lighttpd", arguments: ["-tt", "-f", configuration]),
            socket: place.socket,
            programs: programs)
    }

    /// What Debian's lighttpd.conf has around a site.
    private func lighttpdMain(_ place: Place) -> String {
        let variables = place.application.environment.sorted { $0.key < $1.key }
            .map { "    \"\($0.key)\" => \"\($0.value)\"," }.joined(separator: "\n")
        return """
            server.modules = ( "mod_setenv" )
            server.bind = "127.0.0.1"
            server.port = \(place.port)
            server.document-root = "\(place.run)"
            server.upload-dirs = ( "\(place.run)" )
            \(self == .lighttpdCGI ? "setenv.set-environment = (\n\(variables)\n)" : "")
            include "callwaiting.conf"
            """
    }
}
