import DevHost

/// Something that answers HTTP requests behind nginx.
struct Contender: Sendable {
    /// How nginx speaks with it.
    enum Gateway: Sendable {
        /// `keepsConnections`: whether one connection can serve many requests at no one else's cost. php-fpm gives a
        /// whole worker to each, so there people leave it off.
        case fastCGI(keepsConnections: Bool)
        case http
    }

    let name: String
    let gateway: Gateway
    /// What starts it on a Unix socket at the path given.
    let command: @Sendable (_ socket: String) throws -> Command
    /// Its file name, for sockets and configuration.
    var label: String { name.lowercased().filter { $0.isLetter || $0.isNumber } }
}

/// The programs that are compared. Worker counts are what people run on a machine of this size.
struct Contenders: Sendable {
    let lab: Lab
    let database: BenchDatabase

    /// php-fpm's workers. Twice as many were slower here.
    static let phpWorkers = 8

    var ours: Contender { ours(named: "CallWaiting", on: database.url) }

    /// - Parameter url: the database that it serves from.
    func ours(named name: String, on url: String) -> Contender {
        Contender(name: name, gateway: .fastCGI(keepsConnections: true)) { socket in
            var environment = lab.settings
            environment["DATABASE_URL"] = url
            return Command(lab.callwaiting, ["fastcgi", "--socket", socket], environment: environment)
        }
    }

    var bare: Contender {
        Contender(name: "bare NIO handler", gateway: .fastCGI(keepsConnections: true)) { socket in
            Command(lab.bench, ["bare", "--socket", socket], environment: Command.plainEnvironment())
        }
    }

    var php: Contender {
        Contender(name: "php-fpm, PDO", gateway: .fastCGI(keepsConnections: false)) { socket in
            let path = "\(socket).conf"
            try Files.write(phpConfiguration(socket), to: path, mode: 0o600)
            return Command(
                try lab.find("php-fpm8.2"), ["--nodaemonize", "--allow-to-run-as-root", "--fpm-config", path],
                environment: environment)
        }
    }

    var go: Contender {
        Contender(name: "Go, lib/pq", gateway: .fastCGI(keepsConnections: true)) { socket in
            Command("\(lab.prepared)/go-report", environment: environment.merging(["SOCKET": socket]) { $1 })
        }
    }

    var express: Contender {
        Contender(name: "Express, pg", gateway: .http) { socket in
            let packages = "\(lab.prepared)/node/usr/share/nodejs"
            return Command(
                try lab.find("node"), ["\(lab.peers)/node/server.js"],
                environment: environment.merging(
                    ["SOCKET": socket, "NODE_ENV": "production", "NODE_PATH": packages]
                ) { $1 })
        }
    }

    var fastAPI: Contender {
        Contender(name: "FastAPI, asyncpg", gateway: .http) { socket in
            Command(
                "\(lab.prepared)/python/bin/python",
                [
                    "-m", "uvicorn", "app:app", "--app-dir", "\(lab.peers)/python", "--uds", socket, "--workers", "2",
                    "--no-access-log", "--log-level", "warning",
                ], environment: environment)
        }
    }

    /// For every peer: where Postgres is, in the spelling of each of them, and the tokens' secret.
    var environment: [String: String] {
        let sockets = database.cluster.socketDirectory
        return Command.plainEnvironment().merging([
            "PGHOST": sockets, "PGUSER": "callwaiting", "PGDATABASE": "callwaiting", "DATABASE_URL": database.url,
            "PDO_DSN": "pgsql:host=\(sockets);dbname=callwaiting",
            "SUPABASE_JWT_SECRET": BenchDatabase.secret,
            // Nothing is to be written beside the sources.
            "PYTHONDONTWRITEBYTECODE": "1",
        ]) { $1 }
    }

    private func phpConfiguration(_ socket: String) -> String {
        """
        [global]
        error_log = /dev/stderr
        log_level = warning
        [www]
        user = root
        group = root
        listen = \(socket)
        listen.backlog = 1024
        pm = static
        pm.max_children = \(Self.phpWorkers)
        clear_env = no

        """
    }
}
