import Configuration
import FoundationEssentials
import SystemPackage

/// Where settings come from: the environment, then files with one value each, then one file of `KEY=value` lines.
struct SettingsSource {
    let reader: ConfigReader
    /// The file of `KEY=value` lines; nil when there is none.
    let file: String?
    /// Every file that settings were looked for in, whether it is there or not.
    let files: [String]
    /// Names of the settings that have files of their own.
    let inFiles: Set<String>

    /// - Throws: ``SettingsError`` when a file that was named cannot be read.
    init(environment: [String: String] = ProcessInfo.processInfo.environment) async throws {
        let secrets = SecretsSpecifier<String, String>.specific(
            Set(Setting.all.filter(\.isSecret).map(\.name) + Setting.ignored))
        let variables = EnvironmentVariablesProvider(environmentVariables: environment, secretsSpecifier: secrets)
        let named = environment[Setting.fileVariable].flatMap { $0.isEmpty ? nil : $0 }
        file = named ?? Setting.defaultFiles.first { FileManager.default.isReadableFile(atPath: $0) }
        var lines: [any ConfigProvider] = []
        if let file {
            do {
                lines = [
                    try await EnvironmentVariablesProvider(
                        environmentFilePath: FilePath(file), secretsSpecifier: secrets)
                ]
            } catch {
                throw SettingsError(problems: ["the settings file \(file) cannot be read"])
            }
        }
        let files = SettingsFiles(
            credentials: environment[Setting.credentialsVariable], named: ConfigReader(providers: [variables] + lines))
        guard files.problems.isEmpty else { throw SettingsError(problems: files.problems) }
        inFiles = Set(files.values.keys)
        self.files = [file].compactMap { $0 } + files.paths
        let values = EnvironmentVariablesProvider(environmentVariables: files.values, secretsSpecifier: .all)
        reader = ConfigReader(providers: [variables, values] + lines)
    }
}
