import ArgumentParser

struct SettingsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "settings",
        abstract: "Print every setting, as .env.example or as the table of docs/configuration.md.")

    enum Format: String, ExpressibleByArgument, CaseIterable { case env, markdown }

    @Option(help: "env or markdown.") var format = Format.env

    func run() {
        for group in Setting.Group.allCases {
            let settings = Setting.all.filter { $0.group == group }
            switch format {
            case .env: print(Self.env(group, settings))
            case .markdown: print(Self.markdown(group, settings))
            }
        }
    }

    static func env(_ group: Setting.Group, _ settings: [Setting]) -> String {
        let lines = settings.map { setting in
            let value = setting.fallback ?? ""
            let example = setting.fallback == nil && !setting.example.isEmpty ? " Example: \(setting.example)" : ""
            return "# \(setting.meaning)\(example)\n\(setting.fallback == nil ? "" : "#")\(setting.name)=\(value)"
        }
        return "## \(group.rawValue)\n\n" + lines.joined(separator: "\n\n") + "\n"
    }

    static func markdown(_ group: Setting.Group, _ settings: [Setting]) -> String {
        let rows = settings.map { setting in
            let fallback = setting.fallback.map { $0.isEmpty ? "(empty)" : "`\($0)`" } ?? "–"
            let notes = [setting.isSecret ? "Secret." : nil, setting.alias.map { "Also read as `\($0)`." }]
                .compactMap { $0 }.joined(separator: " ")
            return "| `\(setting.name)` | \(setting.meaning) \(notes) | \(fallback) |"
        }
        return "### \(group.rawValue)\n\n| setting | meaning | default |\n|---|---|---|\n"
            + rows.joined(separator: "\n") + "\n"
    }
}
