/// Encodes a type into an ``EncodedNode``.
struct ValueEncoder: Encoder {
    let node: EncodedNode
    /// Whether an optional member that is nil is written as `null`, or left out.
    let writesNull: Bool
    /// Not kept: what cannot be encoded is a mistake of ours, which the value alone tells.
    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        if case .members = node.content {} else { node.content = .members([]) }
        return KeyedEncodingContainer(EncodedMembers(encoder: self))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        if case .list = node.content {} else { node.content = .list([]) }
        return EncodedElements(encoder: self)
    }

    func singleValueContainer() -> any SingleValueEncodingContainer { self }

    func write<T: Encodable>(_ value: T) throws {
        switch value {
        case let text as String: node.content = .text(text)
        case let flag as Bool: node.content = .literal(flag ? "true" : "false")
        case let integer as any FixedWidthInteger: node.content = .literal(integer.description)
        case let number as Double: node.content = .literal(try literal(number, number))
        case let number as Float: node.content = .literal(try literal(number, Double(number)))
        default: try value.encode(to: self)
        }
    }

    /// `value` in the fewest digits that name it; 62 rather than 62.0.
    private func literal<Value: CustomStringConvertible>(_ value: Value, _ number: Double) throws -> String {
        guard number.isFinite else {
            throw EncodingError.invalidValue(
                number, .init(codingPath: codingPath, debugDescription: "JSON has no number for it"))
        }
        return Int64(exactly: number).map { "\($0)" } ?? value.description
    }

    func child(_ node: EncodedNode) -> ValueEncoder { ValueEncoder(node: node, writesNull: writesNull) }
}

extension ValueEncoder: SingleValueEncodingContainer {
    func encodeNil() throws { node.content = .literal("null") }
    func encode<T: Encodable>(_ value: T) throws { try write(value) }
}

struct EncodedMembers<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let encoder: ValueEncoder
    var codingPath: [any CodingKey] { encoder.codingPath }

    private func member(_ key: Key) -> ValueEncoder { encoder.child(encoder.node.member(key.stringValue)) }

    func encodeNil(forKey key: Key) throws { try member(key).encodeNil() }
    func encode<T: Encodable>(_ value: T, forKey key: Key) throws { try member(key).write(value) }

    func encodeIfPresent<T: Encodable>(_ value: T?, forKey key: Key) throws {
        try optional(value, key)
    }

    private func optional<T: Encodable>(_ value: T?, _ key: Key) throws {
        if let value { try encode(value, forKey: key) } else if encoder.writesNull { try encodeNil(forKey: key) }
    }

    // The protocol's own versions for these types would be preferred to the generic one, and leave nil out.
    func encodeIfPresent(_ value: String?, forKey key: Key) throws { try optional(value, key) }
    func encodeIfPresent(_ value: Bool?, forKey key: Key) throws { try optional(value, key) }
    func encodeIfPresent(_ value: Double?, forKey key: Key) throws { try optional(value, key) }
    func encodeIfPresent(_ value: Float?, forKey key: Key) throws { try optional(value, key) }
    func encodeIfPresent(_ value: Int?, forKey key: Key) throws { try optional(value, key) }
    func encodeIfPresent(_ value: Int8?, forKey key: Key) throws { try optional(value, key) }
    func encodeIfPresent(_ value: Int16?, forKey key: Key) throws { try optional(value, key) }
    func encodeIfPresent(_ value: Int32?, forKey key: Key) throws { try optional(value, key) }
    func encodeIfPresent(_ value: Int64?, forKey key: Key) throws { try optional(value, key) }
    func encodeIfPresent(_ value: UInt?, forKey key: Key) throws { try optional(value, key) }
    func encodeIfPresent(_ value: UInt8?, forKey key: Key) throws { try optional(value, key) }
    func encodeIfPresent(_ value: UInt16?, forKey key: Key) throws { try optional(value, key) }
    func encodeIfPresent(_ value: UInt32?, forKey key: Key) throws { try optional(value, key) }
    func encodeIfPresent(_ value: UInt64?, forKey key: Key) throws { try optional(value, key) }

    func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type, forKey key: Key
    ) -> KeyedEncodingContainer<Nested> {
        member(key).container(keyedBy: type)
    }

    func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer { member(key).unkeyedContainer() }
    func superEncoder() -> any Encoder { encoder }
    func superEncoder(forKey key: Key) -> any Encoder { member(key) }
}

struct EncodedElements: UnkeyedEncodingContainer {
    let encoder: ValueEncoder
    private(set) var count = 0
    var codingPath: [any CodingKey] { encoder.codingPath }

    init(encoder: ValueEncoder) { self.encoder = encoder }

    private mutating func next() -> ValueEncoder {
        defer { count += 1 }
        return encoder.child(encoder.node.append())
    }

    mutating func encodeNil() throws { try next().encodeNil() }
    mutating func encode<T: Encodable>(_ value: T) throws { try next().write(value) }

    mutating func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) -> KeyedEncodingContainer<Nested> {
        next().container(keyedBy: type)
    }

    mutating func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer { next().unkeyedContainer() }
    mutating func superEncoder() -> any Encoder { next() }
}
