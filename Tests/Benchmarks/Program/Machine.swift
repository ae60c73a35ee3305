import DevHost
import FoundationEssentials

/// What the figures were taken on and with, in Markdown.
enum Machine {
    static func describe(_ lab: Lab) async throws -> String {
        let cores = try file("/proc/cpuinfo").filter { $0.hasPrefix("processor") }.count
        let model = try value(of: "model name", in: "/proc/cpuinfo")
        let kilobytes = Int(try value(of: "MemTotal", in: "/proc/meminfo").split(separator: " ").first ?? "") ?? 0
        let system = try value(of: "PRETTY_NAME", in: "/etc/os-release").filter { $0 != "\"" }
        let kernel = try file("/proc/sys/kernel/osrelease").first ?? ""
        let day = Date.now.formatted(.iso8601.year().month().day())
        return """
            - \(day), \(try await commit(lab))
            - \(model), \(cores) cores, \(kilobytes / 1_048_576) GB; \(system), Linux \(kernel)
            - \(try await versions(lab).joined(separator: "; "))
            """
    }

    private static func commit(_ lab: Lab) async throws -> String {
        let (status, text) = try await Command(
            "/usr/bin/env", ["git", "-C", lab.peers, "rev-parse", "--short", "HEAD"],
            environment: Command.plainEnvironment()
        ).output()
        return status.isSuccess ? "commit \(text.filter { !$0.isWhitespace })" : "no commit"
    }

    /// The line of each program that says its version.
    private static func versions(_ lab: Lab) async throws -> [String] {
        let programs: [(String, [String])] = [
            ("swift", ["--version"]), ("postgres", ["--version"]), ("nginx", ["-v"]), ("php-fpm8.2", ["--version"]),
            ("go", ["version"]), ("node", ["--version"]), ("\(lab.prepared)/python/bin/python", ["--version"]),
            ("perl", ["-e", "print qq(Perl $^V)"]), ("gcc", ["--version"]), ("wrk", ["-v"]),
        ]
        var lines: [String] = []
        for (name, arguments) in programs {
            let program = name.hasPrefix("/") ? name : (try? lab.find(name)) ?? "/usr/lib/postgresql/15/bin/\(name)"
            guard Files.exists(program) else { continue }
            let text = try await Command(program, arguments, environment: Command.plainEnvironment()).output().text
            let line = text.split(separator: "\n").first { $0.contains(where: \.isNumber) } ?? ""
            lines.append(name == "node" ? "Node.js \(line)" : String(line.prefix { $0 != "(" && $0 != "[" }.trimmed))
        }
        let packages = try file("\(lab.peers)/python/requirements.txt").map {
            $0.split(separator: "=").joined(separator: " ")
        }
        return lines + packages
    }

    private static func file(_ path: String) throws -> [Substring] {
        (try Files.read(path) ?? "").split(separator: "\n")
    }

    private static func value(of name: String, in path: String) throws -> String {
        let line = try file(path).first { $0.hasPrefix(name) } ?? ""
        return String(line.drop { $0 != ":" && $0 != "=" }.dropFirst().drop { $0.isWhitespace })
    }
}

extension Substring {
    fileprivate var trimmed: Substring {
        var text = self
        while text.last?.isWhitespace == true { text.removeLast() }
        return text
    }
}
