import Configuration
import FoundationEssentials
import SystemPackage

/// Where settings come from: the environment, then one file of `KEY=value` lines.
struct SettingsSource {
    let reader: ConfigReader
    /// The file read; nil when there is none.
    let file: String?

    /// - Throws: ``SettingsError`` when the file named cannot be read.
    init(environment: [String: String] = ProcessInfo.processInfo.environment) async throws {
        let secrets = SecretsSpecifier<String, String>.specific(
            Set(Setting.all.filter(\.isSecret).map(\.name) + Setting.ignored))
        let variables = EnvironmentVariablesProvider(environmentVariables: environment, secretsSpecifier: secrets)
        let named = environment[Setting.fileVariable].flatMap { $0.isEmpty ? nil : $0 }
        file = named ?? Setting.defaultFiles.first { FileManager.default.isReadableFile(atPath: $0) }
        guard let file else {
            reader = ConfigReader(provider: variables)
            return
        }
        do {
            let provider = try await EnvironmentVariablesProvider(
                environmentFilePath: FilePath(file), secretsSpecifier: secrets)
            reader = ConfigReader(providers: [variables, provider])
        } catch {
            throw SettingsError(problems: ["the settings file \(file) cannot be read"])
        }
    }
}
