import DevHost
import Glibc
import Testing
import WebServers

@testable import callwaiting

/// Two machines, as far as one kernel can be two: network namespaces, each with a wire of its own to us. On ours are
/// nginx, with the configuration that deploy/ ships, Postgres and the providers; HAProxy makes the latter two, which
/// listen here alone, reachable over the wires.
struct Machines {
    struct Machine {
        let name: String
        /// The end of its wire here, and over there.
        let (here, there): (String, String)
        /// The application server on it.
        let server: Supervisor.Program
    }

    let machines: [Machine]
    /// nginx, in front of both.
    let url: String

    static let count = 2
    private static let applicationPort = 9000
    private static let databasePort = 5432
    private static let providersPort = 8081

    /// Whether this process may make namespaces; asked once, by trying.
    static func isPermitted() async -> Bool {
        guard geteuid() == 0, Files.exists("/usr/sbin/ip") else { return false }
        let name = "cw\(UInt16.random(in: 0 ... .max))"
        guard let run = try? await ip("netns", "add", name), run.status.isSuccess else { return false }
        return (try? await ip("netns", "del", name))?.status.isSuccess == true
    }

    static func with(_ bed: TestBed, _ body: (Machines) async throws -> Void) async throws {
        let directory = "\(bed.directory)/machines"
        try Files.createDirectory(directory, mode: 0o755)
        let mark = "cw\(String(UInt16.random(in: 0 ... .max), radix: 36))"
        // 10.192.0.0/10, a /30 each; a guess that may be taken, and then the test says so.
        let block = Int.random(in: 0..<4_096)
        let wires = (0..<count).map { index in
            let base = "10.\(192 + block / 64).\(block % 64 * 4 + index)"
            return (name: "\(mark)\(index)", here: "\(base).1", there: "\(base).2")
        }
        var programs: [Supervisor.Program] = []
        let outcome: Result<Void, any Error>
        do {
            for wire in wires { try await lay(wire) }
            programs.append(try relay(bed, directory, wires.map(\.here)))
            let machines = try wires.map { wire in
                let server = try serve(bed, wire)
                programs.append(server)
                return Machine(name: wire.name, here: wire.here, there: wire.there, server: server)
            }
            let port = try freePort()
            programs.append(try nginx(bed, directory, port: port, wires.map(\.there)))
            let sender = HTTPSender(baseURL: "http://127.0.0.1:\(port)", client: bed.client)
            try await sender.waitUntilReady()
            outcome = .success(try await body(Machines(machines: machines, url: sender.baseURL)))
        } catch {
            outcome = .failure(error)
        }
        for program in programs.reversed() { await program.stop() }
        // A namespace takes its wire along, both ends.
        for wire in wires { _ = try await ip("netns", "del", wire.name) }
        try outcome.get()
    }

    private static func lay(_ wire: (name: String, here: String, there: String)) async throws {
        let (outer, inner) = ("\(wire.name)h", "\(wire.name)t")
        for arguments in [
            ["netns", "add", wire.name],
            ["link", "add", outer, "type", "veth", "peer", "name", inner, "netns", wire.name],
            ["address", "add", "\(wire.here)/30", "dev", outer], ["link", "set", outer, "up"],
            ["-n", wire.name, "address", "add", "\(wire.there)/30", "dev", inner],
            ["-n", wire.name, "link", "set", inner, "up"], ["-n", wire.name, "link", "set", "lo", "up"],
        ] {
            let run = try await Command("/usr/sbin/ip", arguments, environment: Command.plainEnvironment()).output()
            try #require(run.status.isSuccess, "ip \(arguments.joined(separator: " ")): \(run.text)")
        }
    }

    private static func ip(_ arguments: String...) async throws -> (status: Termination, text: String) {
        try await Command("/usr/sbin/ip", arguments, environment: Command.plainEnvironment()).output()
    }

    private static func serve(
        _ bed: TestBed, _ wire: (name: String, here: String, there: String)
    ) throws -> Supervisor.Program {
        var changes = ["FCGI_WEB_SERVER_ADDRS": wire.here]
        let url = try #require(bed.settings["DATABASE_URL"])
        let database = try #require(url.split(separator: "?")[0].split(separator: "/").last)
        changes["DATABASE_URL"] = "postgresql://callwaiting@\(wire.here):\(databasePort)/\(database)?sslmode=disable"
        for (name, path) in [("OPENAI_BASE_URL", "/v1"), ("MINIMAX_BASE_URL", ""), ("FLUTTERWAVE_BASE_URL", "/v3")] {
            changes[name] = "http://\(wire.here):\(providersPort)\(path)"
        }
        return try bed.supervisor.start(
            wire.name,
            Command(
                "/usr/sbin/ip",
                [
                    "netns", "exec", wire.name, TestBed.program("callwaiting"), "fastcgi", "--listen",
                    "\(wire.there):\(applicationPort)",
                ], environment: bed.environment(changes)))
    }

    private static func relay(_ bed: TestBed, _ directory: String, _ addresses: [String]) throws -> Supervisor.Program {
        let url = try #require(bed.settings["DATABASE_URL"])
        let socket = try #require(url.firstMatch(of: /host=([^&]+)&port=(\d+)/))
        let providers = try #require(bed.settings["MINIMAX_BASE_URL"]).dropFirst("http://".count)
        func binds(_ port: Int) -> String { addresses.map { "  bind \($0):\(port)" }.joined(separator: "\n") }
        let configuration = """
            defaults
              mode tcp
              timeout connect 5s
              timeout client 60s
              timeout server 60s
            listen database
            \(binds(databasePort))
              server postgres unix@\(socket.output.1)/.s.PGSQL.\(socket.output.2)
            listen providers
            \(binds(providersPort))
              server emulators \(providers)

            """
        try Files.write(configuration, to: "\(directory)/relay.cfg", mode: 0o644)
        return try bed.supervisor.start("relay", Command("/usr/sbin/haproxy", ["-db", "-f", "\(directory)/relay.cfg"]))
    }

    /// deploy/nginx/callwaiting.conf with these servers upstream.
    private static func nginx(
        _ bed: TestBed, _ directory: String, port: Int, _ servers: [String]
    ) throws -> Supervisor.Program {
        let shipped = "\(TestBed.repository)/deploy/nginx"
        var site = try #require(try Files.read("\(shipped)/callwaiting.conf"))
        for (before, after) in [
            (
                "server unix:/run/callwaiting/fastcgi.sock;",
                servers.map { "server \($0):\(applicationPort);" }.joined(separator: "\n    ")
            ),
            ("listen 80;", "listen 127.0.0.1:\(port);"),
            ("/var/log/nginx/callwaiting.log", "\(directory)/access.log"),
        ] {
            try #require(site.contains(before), "the shipped file says \(before)")
            site.replace(before, with: after)
        }
        try Files.write(site, to: "\(directory)/callwaiting.conf", mode: 0o644)
        try Files.write(
            """
            \(geteuid() == 0 ? "user root;" : "")
            daemon off; worker_processes 1; pid \(directory)/nginx.pid; error_log \(directory)/error.log;
            events { worker_connections 512; }
            http {
              client_body_temp_path \(directory)/body; fastcgi_temp_path \(directory)/fastcgi;
              proxy_temp_path \(directory)/proxy; scgi_temp_path \(directory)/scgi; uwsgi_temp_path \(directory)/uwsgi;
              include \(directory)/callwaiting.conf;
            }
            """, to: "\(directory)/nginx.conf", mode: 0o644)
        // The shipped file names its snippets as from /etc/nginx, that is, beside nginx.conf.
        if !Files.exists("\(directory)/snippets") { symlink("\(shipped)/snippets", "\(directory)/snippets") }
        return try bed.supervisor.start(
            "nginx", Command("/usr/sbin/nginx", ["-p", directory, "-c", "\(directory)/nginx.conf", "-e", "stderr"]))
    }
}
