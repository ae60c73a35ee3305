import ArgumentParser
import DevHost

/// What every command that runs a host may be told.
struct HostOptions: ParsableArguments {
    @Option(help: "Where the host keeps its database, recordings and logs.")
    var state = ".callwaiting"

    @Option(
        help: ArgumentHelp(
            "The directory with roles.sql and migrations/; found beside the checkout's .build when not given.",
            valueName: "directory"))
    var sql: String?

    @Option(
        name: .customLong("set"),
        help: ArgumentHelp(
            "A setting of the server's that differs from the host's own; may be repeated.", valueName: "KEY=value"))
    var settings: [String] = []

    func validate() throws {
        for setting in settings where !setting.contains("=") {
            throw ValidationError("--set takes KEY=value, not \(setting)")
        }
    }

    /// The extra settings by name.
    var settingsByName: [String: String] {
        var result: [String: String] = [:]
        for setting in settings {
            let parts = setting.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            result[String(parts[0])] = String(parts[1])
        }
        return result
    }

    /// - Throws: `ValidationError` when there is no such directory.
    func sqlDirectory() throws -> String {
        if let sql {
            guard Files.exists("\(sql)/roles.sql") else { throw ValidationError("\(sql) has no roles.sql") }
            return Files.absolute(sql)
        }
        var candidates = [Files.absolute("sql")]
        var directory = try Files.executable()
        while let slash = directory.lastIndex(of: "/"), slash != directory.startIndex {
            directory = String(directory[..<slash])
            candidates.append("\(directory)/sql")
        }
        guard let found = candidates.first(where: { Files.exists("\($0)/roles.sql") }) else {
            throw ValidationError("no directory sql/ with roles.sql here or above the executable; name it by --sql")
        }
        return found
    }
}
