/// An array bound to one parameter, whose type the statement names (`$1::uuid[]`): `{"…","…",NULL}`.
///
/// Source: PostgreSQL documentation, "Arrays", "Array Input and Output Syntax".
public struct PostgresArray: PostgresBindable {
    public let postgresText: String

    /// - Parameter elements: in order; nil is NULL. None may be a ``PostgresArray``.
    public init(_ elements: some Collection<(any PostgresBindable)?>) {
        var text = [UInt8(ascii: "{")]
        for (index, element) in elements.enumerated() {
            if index > 0 { text.append(UInt8(ascii: ",")) }
            guard let element else {
                text += Array("NULL".utf8)
                continue
            }
            // Quoted, any text is an element: empty, "NULL", with commas or braces.
            text.append(UInt8(ascii: "\""))
            for byte in element.postgresText.utf8 {
                if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { text.append(UInt8(ascii: "\\")) }
                text.append(byte)
            }
            text.append(UInt8(ascii: "\""))
        }
        text.append(UInt8(ascii: "}"))
        postgresText = String(decoding: text, as: UTF8.self)
    }
}
