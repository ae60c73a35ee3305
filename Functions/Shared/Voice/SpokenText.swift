import FunctionCore
import FunctionJSON

/// Text that may be sent to a speech model: cleaned, of bounded length, and with something to say in it. Nothing else is
/// ever sent.
///
/// Cleaning removes what would be read aloud as noise (markdown, control and formatting characters) and every pause
/// marker `<#…#>`, with which a few characters could order minutes of silence and break the estimate.
public struct SpokenText: Validated {
    /// Unicode code points, before and after cleaning.
    public static let maximumLength = 10_000

    public let rawValue: String

    public init(_ accepted: Accepted<String>) { rawValue = accepted.value }

    /// Cleans text of our own making, such as a model's reply, which may hold any character.
    ///
    /// - Returns: nil when nothing to say is left, or too much.
    public init?(cleaning text: String) {
        let cleaned = SpeechCleaner.clean(text)
        guard Self.hasSpeech(cleaned), cleaned.unicodeScalars.count <= Self.maximumLength else { return nil }
        rawValue = cleaned
    }

    /// Checks a caller's text; the value kept is the cleaned one.
    public static func check(_ raw: String) throws(Problem.Violation) -> String {
        let text = SpeechCleaner.clean(try TextBounds(1...maximumLength, manyLines: true).check(raw))
        guard hasSpeech(text) else { throw Problem.Violation("must contain something to say") }
        return text
    }

    private static func hasSpeech(_ text: String) -> Bool {
        text.unicodeScalars.contains { $0.properties.isAlphabetic || $0.properties.numericType != nil }
    }
}
