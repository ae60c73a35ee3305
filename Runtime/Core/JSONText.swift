/// Writes the members of one JSON object (RFC 8259), for the few texts that are made where no encoder is linked:
/// problems and log lines.
public struct JSONText: Sendable {
    private var members: [UInt8] = []

    public init() {}

    /// The finished object.
    public var object: String { String(decoding: [UInt8(ascii: "{")] + members + [UInt8(ascii: "}")], as: UTF8.self) }

    public mutating func member(_ name: String, _ value: String) {
        begin(name)
        members.append(json: value)
    }

    public mutating func member(_ name: String, _ value: Int) {
        begin(name)
        members += String(value).utf8
    }

    public mutating func member(_ name: String, _ value: Double) {
        begin(name)
        members += (value.isFinite ? "\(value)" : "null").utf8
    }

    /// A value that is JSON already.
    public mutating func member(_ name: String, json: String) {
        begin(name)
        members += json.utf8
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
        members += "[\(texts.joined(separator: ","))]".utf8
    }

    private mutating func begin(_ name: String) {
        if !members.isEmpty { members.append(UInt8(ascii: ",")) }
        members.append(json: name)
        members.append(UInt8(ascii: ":"))
    }
}
