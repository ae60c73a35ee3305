extension WebServer {
    func haproxySite(_ place: Place) throws -> Site {
        let port = place.applicationPort
        let text = try place.deployed(
            "haproxy/callwaiting.cfg",
            [
                ("bind :80\n", "bind 127.0.0.1:\(place.port)\n"), ("127.0.0.1:9000\n", "127.0.0.1:\(port)\n"),
                // Nobody else could be asked, and a busy machine may keep us from answering for four seconds.
                ("inter 2s fall 2", "inter 2s fall 5"),
                (
                    "default_backend callwaiting",
                    place.prefix.isEmpty
                        ? "default_backend callwaiting"
                        : "use_backend callwaiting if { path_beg \(place.prefix)/ }"
                ),
            ])
        // What Debian's haproxy.cfg has before it.
        let main = "global\n    log stderr format raw local0\n    maxconn 256\ndefaults\n    log global\n\n"
        let configuration = try place.write("haproxy.cfg", main + text)
        return Site(
            port: place.port,
            check: Invocation(
                name: "haproxy -c", executable: "/usr/sbin/haproxy", arguments: ["-c", "-f", configuration]),
            socket: place.socket,
            programs: [
                place.server("--listen", "127.0.0.1:\(port)"),
                Invocation(name: "haproxy", executable: "/usr/sbin/haproxy", arguments: ["-db", "-f", configuration]),
            ])
    }
}
