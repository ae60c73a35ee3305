/// Writes the members of one JSON object (RFC 8259), for the few texts that are made where no encoder is linked:
/// problems and log lines.
public struct JSONText: Sendable {
    private var members = ""

    public init() {}

    /// The finished object.
    public var object: String { "{\(members)}" }

    public mutating func member(_ name: String, _ value: String) {
        begin(name)
        Self.append(value, to: &members)
    }

    public mutating func member(_ name: String, _ value: Int) {
        begin(name)
        members += String(value)
    }

    public mutating func member(_ name: String, _ value: Double) {
        begin(name)
        members += value.isFinite ? "\(value)" : "null"
    }

    /// A value that is JSON already.
    public mutating func member(_ name: String, json: String) {
        begin(name)
        members += json
    }

    /// An array of objects, each written by `write`.
    public mutating func member<Element>(
        _ name: String, objects: [Element], write: (Element, inout JSONText) -> Void
    ) {
        begin(name)
        let texts = objects.map { element in
            var object = JSONText()
            write(element, &object)
            return object.object
        }
        members += "[\(texts.joined(separator: ","))]"
    }

    private mutating func begin(_ name: String) {
        if !members.isEmpty { members += "," }
        Self.append(name, to: &members)
        members += ":"
    }

    private static func append(_ text: String, to output: inout String) {
        output += "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": output += "\\\""
            case "\\": output += "\\\\"
            case "\n": output += "\\n"
            case "\r": output += "\\r"
            case "\t": output += "\\t"
            // Besides the controls RFC 8259 §7 names: U+2028 and U+2029 end a line for some readers of logs.
            case _
            where scalar.value < 0x20 || scalar.value == 0x7F || scalar.value == 0x2028 || scalar.value == 0x2029:
                let hex = String(scalar.value, radix: 16)
                output += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            default: output.unicodeScalars.append(scalar)
            }
        }
        output += "\""
    }
}
