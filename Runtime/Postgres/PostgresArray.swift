/// An array bound to one parameter, whose type the statement names (`$1::uuid[]`): `{"…","…",NULL}`.
///
/// Source: PostgreSQL documentation, "Arrays", "Array Input and Output Syntax".
public struct PostgresArray: PostgresBindable {
    public let postgresText: String

    /// - Parameter elements: in order; nil is NULL. None may be an array itself.
    public init(_ elements: some Collection<(any PostgresBindable)?>) {
        var text = "{"
        for (index, element) in elements.enumerated() {
            if index > 0 { text += "," }
            guard let element else {
                text += "NULL"
                continue
            }
            // Quoted, any text is an element: empty, "NULL", with commas or braces.
            text += "\""
            Self.append(element.postgresText, to: &text)
            text += "\""
        }
        postgresText = text + "}"
    }

    private static func append(_ element: String, to text: inout String) {
        let isSpecial = { (byte: UInt8) in byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") }
        var rest = element.utf8[...]
        while let special = rest.firstIndex(where: isSpecial) {
            text += String(rest[..<special])!
            text += "\\"
            text.unicodeScalars.append(Unicode.Scalar(rest[special]))
            rest = rest[rest.index(after: special)...]
        }
        text += String(Substring(rest))
    }
}
