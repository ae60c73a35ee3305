import Crypto
import FoundationEssentials

/// One file of sql/migrations: applied once, never changed afterwards.
struct Migration: Sendable {
    /// The file's name: `0001_foundations.sql`.
    let name: String
    let script: String

    /// SHA-256 of the file.
    var hash: [UInt8] { Array(SHA256.hash(data: Array(script.utf8))) }
}

/// The SQL of this release.
struct MigrationSource: Sendable {
    /// Makes the ledger of migrations; run before them, each time.
    let ledger: String
    /// In the order of their names.
    let migrations: [Migration]

    /// - Throws: ``MigrationError`` when `directory` does not have what it should.
    init(directory: String) throws {
        func read(_ file: String) throws -> String {
            guard let data = FileManager.default.contents(atPath: "\(directory)/\(file)"),
                let text = String(data: data, encoding: .utf8)
            else { throw MigrationError("\(directory)/\(file) cannot be read") }
            return text
        }
        ledger = try read("ledger.sql")
        let entries = (try? FileManager.default.contentsOfDirectory(atPath: directory + "/migrations")) ?? []
        migrations = try entries.filter { $0.hasSuffix(".sql") }.sorted().map { name in
            Migration(name: name, script: try read("migrations/\(name)"))
        }
        guard !migrations.isEmpty else { throw MigrationError("\(directory)/migrations has no .sql files") }
    }

    /// Where the SQL is: what was asked for, or the first of the places where an installation or a checkout has it.
    ///
    /// - Parameter executable: the program's own path.
    static func directory(option: String?, setting: String?, executable: String) throws -> String {
        if let named = option ?? setting { return named }
        let folder = executable.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(
            separator: "/")
        let places = ["\(folder)/../share/callwaiting/sql", "./sql"]
        guard let place = places.first(where: { FileManager.default.fileExists(atPath: $0 + "/migrations") }) else {
            throw MigrationError("no SQL found; name its directory with --sql or CALLWAITING_SQL_DIR")
        }
        return place
    }
}

/// Why migrating was refused or stopped.
struct MigrationError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
