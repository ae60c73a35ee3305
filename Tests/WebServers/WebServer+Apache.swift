import Glibc

extension WebServer {
    func apacheSite(_ place: Place) throws -> Site {
        let variables = place.application.environment.sorted { $0.key < $1.key }
        var programs: [Invocation] = []
        let text: String
        let name: String
        let ports = ("<VirtualHost *:80>", "<VirtualHost 127.0.0.1:\(place.port)>")
        let program = ("/usr/local/bin", place.programs)
        switch self {
        case .apacheFcgid:
            name = "apache/callwaiting-fcgid.conf"
            text = try place.deployed(
                name, [ports, program, ("ScriptAlias \"/\"", "ScriptAlias \"\(place.prefix)/\"")])
        case .apacheCGI:
            name = "apache/callwaiting-cgid.conf"
            text = try place.deployed(
                name, [ports, program, ("ScriptAlias \"/\"", "ScriptAlias \"\(place.prefix)/\"")])
        default:
            name = "apache/callwaiting-proxy-fcgi.conf"
            programs.append(place.server("--socket", place.socket, "--socket-mode", "666"))
            text = try place.deployed(
                name,
                [
                    ports, ("/run/callwaiting/fastcgi.sock", place.socket),
                    ("<Location \"/\">", "<Location \"\(place.prefix)/\">"),
                    ("ProxyPass \"/\"", "ProxyPass \"\(place.prefix)/\""),
                    ("fcgi://callwaiting/", "fcgi://callwaiting\(place.prefix)/"),
                ])
        }
        try place.write("callwaiting.conf", text)
        let configuration = try place.write("apache2.conf", apacheMain(place, variables))
        let arguments = ["-f", configuration]
        programs.append(
            Invocation(name: "apache2", executable: "/usr/sbin/apache2", arguments: arguments + ["-DFOREGROUND"]))
        return Site(
            port: place.port,
            check: Invocation(name: "apache2 -t", executable: "/usr/sbin/apache2", arguments: arguments + ["-t"]),
            socket: place.socket,
            programs: programs)
    }

    /// What Debian's apache2.conf has around a site.
    private func apacheMain(_ place: Place, _ variables: [(key: String, value: String)]) -> String {
        var lines = [
            "ServerRoot \"\(place.directory)\"", "ServerName localhost", "PidFile \"\(place.run)/apache2.pid\"",
            "Listen 127.0.0.1:\(place.port)", "ErrorLog /dev/stderr", "DefaultRuntimeDir \"\(place.run)\"",
            "Mutex file:\(place.run)", "Define APACHE_LOG_DIR \(place.run)", "StartServers 1",
        ]
        var modules = ["mpm_event", "authz_core", "alias", "env"]
        switch self {
        case .apacheFcgid:
            modules.append("fcgid")
            lines += ["FcgidIPCDir \"\(place.run)\"", "FcgidProcessTableFile \"\(place.run)/fcgid.shm\""]
            lines += variables.map { "FcgidInitialEnv \($0.key) \"\($0.value)\"" }
        case .apacheCGI:
            modules.append("cgid")
            lines.append("ScriptSock \"\(place.run)/cgid.sock\"")
            lines += variables.map { "SetEnv \($0.key) \"\($0.value)\"" }
        default:
            modules += ["proxy", "proxy_fcgi"]
        }
        // Apache does not serve as root; of the other users this is the one that the tests' Postgres lets in.
        if geteuid() == 0 { lines += ["User postgres", "Group postgres"] }
        let loading = modules.map { "LoadModule \($0)_module /usr/lib/apache2/modules/mod_\($0).so" }
        return (loading + lines + ["Include callwaiting.conf", ""]).joined(separator: "\n")
    }
}
