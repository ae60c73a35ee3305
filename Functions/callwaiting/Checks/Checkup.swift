import AudioStore
import Callers
import FoundationEssentials
import FunctionCore
import Glibc
import HTTPTypes
import Logging
import Plans
import PostgresClient
import WebClient

/// Looks at everything that a serving process will need, and says what it finds, never with a secret in it.
struct Checkup {
    struct Finding: CustomStringConvertible {
        enum Level: String { case ok, warning, error }
        let level: Level
        let text: String
        var description: String { "\(level.rawValue.padded(to: 8))\(text)" }
    }

    private(set) var findings: [Finding] = []
    private(set) var source: SettingsSource?

    var hasErrors: Bool { findings.contains { $0.level == .error } }

    /// How long one outside thing may take to answer.
    static let patience = Duration.seconds(5)

    /// The file's form: one `KEY=value` a line, values unquoted, keys known.
    mutating func settingsFile() async {
        do {
            source = try await SettingsSource()
        } catch {
            return note(.error, "\(error)")
        }
        if let names = source?.inFiles.sorted(), !names.isEmpty {
            note(.ok, "in files of their own: \(names.joined(separator: ", "))")
        }
        guard let file = source?.file else { return note(.ok, "all other settings come from the environment") }
        guard let data = FileManager.default.contents(atPath: file) else {
            return note(.error, "\(file) cannot be read")
        }
        note(.ok, "settings come from the environment and \(file)")
        checkLines(of: file, String(decoding: data, as: UTF8.self))
    }

    private mutating func checkLines(of file: String, _ text: String) {
        let known = Set(Setting.all.flatMap { [$0.name, $0.alias, $0.name + Setting.fileSuffix].compactMap { $0 } })
        let secrets = Set(Setting.all.filter(\.isSecret).map(\.name))
        var holdsSecret = false
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
        where !line.isEmpty && !line.hasPrefix("#") {
            guard let equals = line.firstIndex(of: "=") else {
                note(.error, "\(file):\(index + 1) has no =")
                continue
            }
            let key = String(line[..<equals])
            if Setting.ignored.contains(key) {
                let isSecret = key.contains("SERVICE_ROLE")
                note(.warning, "\(key) is not used" + (isSecret ? "; a key that strong should not lie about" : ""))
            } else if !known.contains(key) {
                note(.warning, "\(file):\(index + 1): \(key) is not a setting of ours")
            }
            if secrets.contains(key), line.index(after: equals) < line.endIndex { holdsSecret = true }
        }
        var status = stat()
        if holdsSecret, stat(file, &status) == 0, status.st_mode & S_IROTH != 0 {
            note(.warning, "\(file) holds secrets and everybody on this machine may read it")
        }
    }

    /// Everything that serving and working need, read as they read it.
    mutating func settings() async {
        guard let source else { return }
        var reader = SettingsReader(source.reader)
        _ = ServerSettings(from: &reader)
        _ = Database.Configuration(from: &reader)
        _ = IdentitySettings(from: &reader)
        _ = Logger.Level(from: &reader)
        _ = reader.integer(.messageRetention, in: Worker.retentionDays)
        _ = reader.integer(.trialMinutes, in: MigrateCommand.trialMinutes)
        for entry in Catalogue.entries { _ = entry.prepare(&reader) }
        let plans = PlanCatalogue(from: &reader)
        for problem in reader.problems { note(.error, problem) }
        if reader.problems.isEmpty { for line in plans.summary { note(.ok, line) } }
        if reader.optional(.flutterwaveHash) == nil {
            note(.warning, "\(Setting.flutterwaveHash.name) is not set, so payment webhooks are refused")
        }
    }

    /// That recordings can be written where they are to be kept.
    mutating func storage() async {
        guard let source else { return }
        var reader = SettingsReader(source.reader)
        let directory = reader.required(.audioDirectory)
        guard reader.problems.isEmpty else { return }
        do {
            try await DirectoryAudioStore(directory: directory).check()
            note(.ok, "\(Setting.audioDirectory.name) can be written")
        } catch {
            note(.error, "\(Setting.audioDirectory.name): \(error)")
        }
    }

    /// The login role's weakness, and that the migrations are there.
    mutating func database() async {
        guard let source else { return }
        var reader = SettingsReader(source.reader)
        let configuration = Database.Configuration(from: &reader)
        guard reader.problems.isEmpty else { return }
        do {
            let database = try Database(configuration, logger: .callwaiting(level: .critical))
            try await database.verifyLoginRole()
            let health = Statement("select migration from private.health()")
            let row = try await database.query(health, as: .anon, deadline: .now + Self.patience).one()
            note(.ok, "the database answers, at migration \(try row.decode("migration", as: Int.self))")
            await database.shutdown()
        } catch {
            note(.error, "\(error)")
        }
    }

    /// That the providers' hosts answer at all; a key is only proved by using it.
    mutating func providers() async {
        guard let source else { return }
        var reader = SettingsReader(source.reader)
        let web = WebClient(logger: .callwaiting(level: .critical))
        for setting in [Setting.openAIBaseURL, .miniMaxBaseURL, .flutterwaveBaseURL] {
            let url = reader.url(setting)
            guard reader.problems.isEmpty else { continue }
            do {
                _ = try await web.send(WebRequest(method: .get, url: url, deadline: .now + Self.patience))
                note(.ok, "\(setting.name) answers")
            } catch {
                note(.error, "\(setting.name): \(error)")
            }
        }
        await web.shutdown()
    }

    /// That the web server waits longer than a request may take here: one that gives up first answers 504 for a reply
    /// which is made, charged and lost.
    ///
    /// - Parameter files: where its time-outs are; WEB_SERVER_CONFIG when there is none.
    mutating func webServer(configurations files: [String]) async {
        guard let source else { return }
        var reader = SettingsReader(source.reader)
        let deadline = reader.integer(.requestDeadline, in: ServerSettings.deadlines)
        guard reader.problems.isEmpty else { return }
        for file in files.isEmpty ? [reader.optional(.webServerConfig)].compactMap({ $0 }) : files {
            webServer(file, deadline)
        }
    }

    private mutating func webServer(_ path: String, _ deadline: Int) {
        guard let data = FileManager.default.contents(atPath: path) else {
            return note(.error, "\(path) cannot be read")
        }
        let timeouts = WebServerTimeout.all(in: String(decoding: data, as: UTF8.self))
        for timeout in timeouts {
            let says = "\(path):\(timeout.line): \(timeout.directive) is \(timeout.duration.seconds) s"
            if timeout.duration > .seconds(deadline) {
                note(.ok, "\(says), more than the \(deadline) s of \(Setting.requestDeadline.name)")
            } else {
                note(.error, "\(says), not more than the \(deadline) s of \(Setting.requestDeadline.name)")
            }
        }
        if timeouts.isEmpty {
            note(.warning, "\(path) names no time-out that we know; a web server's default is often 30 or 60 s")
        }
    }

    mutating func note(_ level: Finding.Level, _ text: String) {
        findings.append(Finding(level: level, text: text))
    }
}
