/// Encodes one value onto a ``JSONWriter``.
struct ValueEncoder: Encoder {
    let writer: JSONWriter
    /// How many containers the value is in.
    var depth = 0
    /// Whether an optional member that is nil is written as `null`, or left out.
    let writesNull: Bool
    /// Not kept: what cannot be encoded is a mistake of ours, which the value alone tells.
    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        writer.open(.members, at: depth)
        return KeyedEncodingContainer(EncodedMembers(encoder: self))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        writer.open(.elements, at: depth)
        return EncodedElements(encoder: self)
    }

    func singleValueContainer() -> any SingleValueEncodingContainer { self }

    /// Encodes a value whole; one that encodes nothing is an empty object.
    func write<T: Encodable>(_ value: T) throws {
        let start = writer.bytes.count
        try value.encode(to: self)
        if writer.bytes.count == start { writer.open(.members, at: depth) }
        writer.close(to: depth)
    }

    /// `value` in the fewest digits that name it; 62 rather than 62.0.
    private func literal<Value: CustomStringConvertible>(_ value: Value, _ number: Double) throws -> String {
        guard number.isFinite else {
            throw EncodingError.invalidValue(
                number, .init(codingPath: codingPath, debugDescription: "JSON has no number for it"))
        }
        return Int64(exactly: number).map { "\($0)" } ?? value.description
    }

    fileprivate var inside: ValueEncoder { ValueEncoder(writer: writer, depth: depth + 1, writesNull: writesNull) }
}

extension ValueEncoder: SingleValueEncodingContainer {
    func encodeNil() throws { writer.literal("null") }
    func encode(_ value: String) throws { writer.text(value) }
    func encode(_ value: Bool) throws { writer.literal(value ? "true" : "false") }
    func encode(_ value: Int) throws { writer.literal(value.description) }
    func encode(_ value: Double) throws { writer.literal(try literal(value, value)) }
    func encode(_ value: Float) throws { writer.literal(try literal(value, Double(value))) }

    func encode<T: Encodable>(_ value: T) throws {
        if let integer = value as? any FixedWidthInteger {
            writer.literal(integer.description)
        } else {
            try write(value)
        }
    }
}

struct EncodedMembers<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let encoder: ValueEncoder
    var codingPath: [any CodingKey] { encoder.codingPath }

    private func member(_ key: Key) -> ValueEncoder {
        encoder.writer.next(key.stringValue, in: encoder.depth + 1)
        return encoder.inside
    }

    func encodeNil(forKey key: Key) throws { try member(key).encodeNil() }
    func encode<T: Encodable>(_ value: T, forKey key: Key) throws { try member(key).write(value) }
    // What most members are needs no way round through the value's own `encode(to:)`.
    func encode(_ value: String, forKey key: Key) throws { try member(key).encode(value) }
    func encode(_ value: Bool, forKey key: Key) throws { try member(key).encode(value) }
    func encode(_ value: Int, forKey key: Key) throws { try member(key).encode(value) }
    func encode(_ value: Double, forKey key: Key) throws { try member(key).encode(value) }

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
        count += 1
        encoder.writer.next(in: encoder.depth + 1)
        return encoder.inside
    }

    mutating func encodeNil() throws { try next().encodeNil() }
    mutating func encode<T: Encodable>(_ value: T) throws { try next().write(value) }

    mutating func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) -> KeyedEncodingContainer<Nested> {
        next().container(keyedBy: type)
    }

    mutating func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer { next().unkeyedContainer() }
    mutating func superEncoder() -> any Encoder { next() }
}
