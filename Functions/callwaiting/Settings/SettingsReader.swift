import Configuration
import FoundationEssentials

/// Reads settings and collects what is wrong with them, so that all of it is reported at once.
///
/// A value that is missing or wrong is noted and replaced by a harmless one; nothing is started before ``finish()``.
struct SettingsReader {
    private let reader: ConfigReader
    private(set) var problems: [String] = []

    init(_ reader: ConfigReader) { self.reader = reader }

    /// - Throws: ``SettingsError`` with every problem found.
    func finish() throws(SettingsError) {
        if !problems.isEmpty { throw SettingsError(problems: problems) }
    }

    mutating func optional(_ setting: Setting) -> String? {
        let names = [setting.name, setting.alias].compactMap { $0 }
        for name in names {
            guard let value = reader.string(forKey: ConfigKey([name]), isSecret: setting.isSecret), !value.isEmpty
            else {
                continue
            }
            if value.first == "\"" || value.first == "'" {
                report(setting, "is quoted; values are written without quotes")
            }
            return value
        }
        return setting.fallback.flatMap { $0.isEmpty ? nil : $0 }
    }

    mutating func required(_ setting: Setting) -> String {
        if let value = optional(setting) { return value }
        report(setting, "is not set: \(setting.meaning)")
        return ""
    }

    /// A secret of at least `minimum` bytes.
    mutating func secret(_ setting: Setting, minimum: Int) -> String {
        let value = required(setting)
        if !value.isEmpty, value.utf8.count < minimum { report(setting, "is shorter than \(minimum) bytes") }
        return value
    }

    mutating func integer(_ setting: Setting, in range: ClosedRange<Int>) -> Int {
        let text = required(setting)
        if let value = Int(text), range.contains(value) { return value }
        if !text.isEmpty { report(setting, "is not a whole number from \(range.lowerBound) to \(range.upperBound)") }
        return range.lowerBound
    }

    mutating func choice<Value>(_ setting: Setting, _ values: KeyValuePairs<String, Value>) -> Value {
        let text = required(setting)
        if let value = values.first(where: { $0.key == text })?.value { return value }
        report(setting, "is not one of \(values.map(\.key).joined(separator: ", "))")
        return values[0].value
    }

    mutating func flag(_ setting: Setting) -> Bool {
        choice(setting, ["on": true, "off": false])
    }

    /// An absolute http or https URL, without a trailing slash.
    mutating func url(_ setting: Setting) -> String {
        let text = required(setting)
        guard !text.isEmpty else { return text }
        return checked(text, setting)
    }

    mutating func optionalURL(_ setting: Setting) -> String? {
        optional(setting).map { checked($0, setting) }
    }

    mutating func report(_ setting: Setting, _ problem: String) {
        let line = "\(setting.name) \(problem)"
        if !problems.contains(line) { problems.append(line) }
    }

    private mutating func checked(_ text: String, _ setting: Setting) -> String {
        guard let url = URL(string: text), url.scheme == "https" || url.scheme == "http", url.host()?.isEmpty == false,
            url.query() == nil, url.fragment() == nil, url.user() == nil
        else {
            report(setting, "is not an http or https URL")
            return text
        }
        return text.hasSuffix("/") ? String(text.dropLast()) : text
    }
}

/// What is wrong with the settings: one line each, never with a value in it.
struct SettingsError: Error, CustomStringConvertible {
    let problems: [String]
    var description: String { problems.map { "  \($0)" }.joined(separator: "\n") }
}
