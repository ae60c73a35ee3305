import Glibc

extension WebServer {
    func nginxSite(_ place: Place) throws -> Site {
        let name = self == .nginx || self == .nginxSpawnFCGI ? "callwaiting.conf" : "callwaiting-cgi.conf"
        var edits = [
            ("listen 80;", "listen 127.0.0.1:\(place.port);"), ("/var/log/nginx/", "\(place.directory)/"),
            ("location / {", "location \(place.prefix)/ {"),
        ]
        var programs: [Invocation] = []
        switch self {
        case .nginxSpawnFCGI:
            edits.append(("/run/callwaiting/fastcgi.sock", place.socket))
            programs.append(spawn(place.socket, [place.program, "fastcgi"], place))
        case .nginxCGI, .nginxBridge:
            let wrapper = "\(place.directory)/fcgiwrap.sock"
            edits += [("/run/fcgiwrap.socket", wrapper), ("/usr/local/bin", place.programs)]
            programs.append(spawn(wrapper, ["/bin/sh", "-c", Self.fcgiwraps], place))
            if self == .nginxBridge {
                programs.append(place.server("--socket", place.socket, "--socket-mode", "666"))
                try place.write(
                    "bridge/callwaiting", "#!/bin/sh\nexec /usr/bin/cgi-fcgi -bind -connect \(place.socket)\n",
                    mode: 0o755)
                edits.append(("\(place.programs)/callwaiting", "\(place.directory)/bridge/callwaiting"))
            }
        default:
            edits.append(("/run/callwaiting/fastcgi.sock", place.socket))
            programs.append(place.server("--socket", place.socket, "--socket-mode", "666"))
        }
        try place.write("conf.d/callwaiting.conf", try place.deployed("nginx/\(name)", edits))
        for name in ["callwaiting.params", "callwaiting.tls"] {
            try place.write("snippets/\(name)", try place.deployed("nginx/snippets/\(name)", []))
        }
        let configuration = try place.write("nginx.conf", Self.nginxMain(in: place.directory))
        let arguments = ["-p", place.directory, "-c", configuration, "-e", "stderr"]
        programs.append(Invocation(name: "nginx", executable: "/usr/sbin/nginx", arguments: arguments))
        return Site(
            port: place.port,
            check: Invocation(name: "nginx -t", executable: "/usr/sbin/nginx", arguments: arguments + ["-t"]),
            socket: place.socket,
            programs: programs)
    }

    /// A FastCGI program started by spawn-fcgi, with the socket as its descriptor 0.
    private func spawn(_ socket: String, _ command: [String], _ place: Place) -> Invocation {
        Invocation(
            name: "spawn-fcgi", executable: "/usr/bin/spawn-fcgi",
            arguments: ["-n", "-s", socket, "-M", "0666", "--"] + command, environment: place.application.environment)
    }

    /// Eight of them, since each runs one program at a time. `fcgiwrap -c 8` would leave its own eight behind.
    private static let fcgiwraps = """
        exec 3<&0; for i in 1 2 3 4 5 6 7 8; do /usr/sbin/fcgiwrap <&3 & all="$all $!"; done; trap "kill $all" TERM; wait
        """

    /// What Debian's nginx.conf has around a site.
    private static func nginxMain(in directory: String) -> String {
        """
        \(geteuid() == 0 ? "user root;" : "")
        daemon off;
        worker_processes 1;
        pid \(directory)/nginx.pid;
        error_log stderr;
        events { worker_connections 256; }
        http {
            client_body_temp_path \(directory)/body;
            fastcgi_temp_path \(directory)/fastcgi;
            proxy_temp_path \(directory)/proxy;
            scgi_temp_path \(directory)/scgi;
            uwsgi_temp_path \(directory)/uwsgi;
            include \(directory)/conf.d/*.conf;
        }
        """
    }
}
