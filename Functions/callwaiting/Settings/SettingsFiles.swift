import Configuration
import SystemPackage

/// Settings whose values lie in files of their own, so that a secret is neither in an environment nor beside others:
/// `<NAME>_FILE` names one, and a service manager's credentials are a directory of them (systemd.exec(5), Credentials).
struct SettingsFiles {
    /// By the setting's name; without the line end that editors and `echo` leave.
    private(set) var values: [String: String] = [:]
    /// Every file that a value was looked for in, whether it is there or not.
    private(set) var paths: [String] = []
    /// What is wrong with files that were named, without a word of what is in them.
    private(set) var problems: [String] = []

    /// Bytes that one value may have.
    static let sizeLimit = 65_536

    /// - Parameters:
    ///   - directory: `$CREDENTIALS_DIRECTORY`. A credential is called as its setting is, or `callwaiting_<NAME>`: so
    ///     systemd calls those of a whole directory, `LoadCredential=callwaiting:/etc/callwaiting/credentials`.
    ///   - reader: where `<NAME>_FILE` may be set; it goes before a credential.
    init(credentials directory: String?, named reader: ConfigReader) {
        for setting in Setting.all {
            let naming = setting.name + Setting.fileSuffix
            if let path = reader.string(forKey: ConfigKey([naming])), !path.isEmpty {
                take(setting, naming, path, mayBeMissing: false)
            } else if let directory {
                for name in ["callwaiting_" + setting.name, setting.name] {
                    take(setting, "the credential \(name)", "\(directory)/\(name)", mayBeMissing: true)
                }
            }
        }
    }

    private mutating func take(_ setting: Setting, _ source: String, _ path: String, mayBeMissing: Bool) {
        paths.append(path)
        do {
            guard let value = try Self.value(at: FilePath(path)) else {
                problems.append("\(source) is not one line of text, or has more than \(Self.sizeLimit) bytes")
                return
            }
            values[setting.name] = value
        } catch Errno.noSuchFileOrDirectory where mayBeMissing {
            // Most settings are not credentials.
        } catch {
            problems.append("\(source) cannot be read: \(error)")
        }
    }

    /// - Returns: nil for what cannot be a value.
    /// - Throws: `Errno`.
    private static func value(at path: FilePath) throws -> String? {
        let file = try FileDescriptor.open(path, .readOnly, options: .closeOnExec)
        let bytes = try file.closeAfter {
            var bytes: [UInt8] = []
            var chunk = [UInt8](repeating: 0, count: 4_096)
            while bytes.count <= sizeLimit {
                let count = try chunk.withUnsafeMutableBytes { try file.read(into: $0) }
                if count == 0 { break }
                bytes += chunk[..<count]
            }
            return bytes
        }
        guard bytes.count <= sizeLimit, !bytes.contains(0), let text = String(validating: bytes, as: UTF8.self) else {
            return nil
        }
        let value = text.reversed().drop { $0.isNewline }.reversed()
        return value.contains { $0.isNewline } ? nil : String(value)
    }
}
