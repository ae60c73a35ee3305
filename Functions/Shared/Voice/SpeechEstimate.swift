/// An upper bound of how long a text takes to say, made from its characters alone, before anything is asked of anybody.
///
/// Generous on purpose: what is held and not used is given back a moment later, while what is used and was not held is
/// the operator's loss. English prose really takes 55 ms a character at MiniMax's normal speed.
public struct SpeechEstimate: Sendable, Hashable {
    /// Whole seconds, rounded up.
    public let seconds: Int

    /// How long a text that is known takes at most.
    public init(of text: SpokenText) { self.init(milliseconds: Self.milliseconds(of: text.rawValue)) }

    /// How long a reply that is not made yet takes at most. A reply is cut to keep this, whatever it consists of.
    public init(replyOfAtMost characters: Int) {
        self.init(milliseconds: Self.base + characters * Self.proseWeight)
    }

    private init(milliseconds: Int) { seconds = (milliseconds + 999) / 1_000 }

    /// Silence before and after, in milliseconds.
    static let base = 2_000
    /// What a character of prose weighs on average, marks and spaces included, in milliseconds.
    static let proseWeight = 130

    static func milliseconds(of text: String) -> Int {
        var previous: Unicode.Scalar = " "
        return text.unicodeScalars.reduce(base) { sum, scalar in
            defer { previous = scalar }
            return sum + weight(of: scalar, after: previous)
        }
    }

    /// Milliseconds that `scalar` adds at most.
    static func weight(of scalar: Unicode.Scalar, after previous: Unicode.Scalar) -> Int {
        switch scalar {
        case "a"..."z", "'": 110
        case " ": 60
        // Capitals in a row are spelled out, "w" being the longest: "double-u".
        case "A"..."Z": previous.properties.isUppercase ? 600 : 250
        case "0"..."9": 700
        case ".", "!", "?", ":", ";", "\n": 600
        case ",", "-", "\"", "(", ")": 400
        case _ where scalar.isASCII: 800
        default: foreignWeight(of: scalar)
        }
    }

    private static func foreignWeight(of scalar: Unicode.Scalar) -> Int {
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .spacingMark, .enclosingMark: 120
        // Cleaning may take it out from between two capitals, and make them an abbreviation.
        case .format: 400
        // A syllable or two each; voices that do not know the script name the character instead.
        case _ where scalar.properties.isIdeographic: 700
        case .otherLetter where (0x3040...0x30FF).contains(scalar.value) || (0xAC00...0xD7A3).contains(scalar.value):
            350
        case .lowercaseLetter, .uppercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: 200
        case .decimalNumber: 700
        case .dashPunctuation, .initialPunctuation, .finalPunctuation, .openPunctuation, .closePunctuation,
            .connectorPunctuation, .otherPunctuation, .spaceSeparator:
            600
        // Signs are read by name: "person with folded hands".
        default: 2_500
        }
    }
}
