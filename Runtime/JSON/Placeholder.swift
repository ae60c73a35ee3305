/// Makes a value of any type that does not insist on more: empty text, zero, false, an empty list, nil, the first case.
/// Such a value only keeps decoding going, and is dropped with everything around it.
struct Placeholder: Decoder {
    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    /// - Throws: whatever `T` throws when it cannot be made.
    static func make<T: Decodable>(_ type: T.Type) throws -> T {
        if let scalar = type as? any JSONScalar.Type, let result = scalar.placeholder as? T { return result }
        if let validated = type as? any Validated.Type, let result = try validated.placeholder() as? T { return result }
        if let choice = type as? any CaseIterable.Type, let result = first(choice) as? T { return result }
        return try T(from: Placeholder())
    }

    /// - Throws: ``CollectionEnded`` when `T` cannot be made, or there are violations enough.
    static func make<T: Decodable>(_ type: T.Type, for collector: ViolationCollector) throws -> T {
        guard !collector.isFull else { throw CollectionEnded() }
        do {
            return try make(type)
        } catch {
            throw CollectionEnded()
        }
    }

    private static func first<T: CaseIterable>(_ type: T.Type) -> T? { type.allCases.first }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        KeyedDecodingContainer(Members())
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        UnkeyedValues(elements: [], codingPath: [], collector: ViolationCollector(limit: 0, textMembers: []))
    }

    func singleValueContainer() throws -> any SingleValueDecodingContainer { self }

    /// Has every member that must be there, and none that need not.
    struct Members<Key: CodingKey>: KeyedDecodingContainerProtocol {
        var codingPath: [any CodingKey] { [] }
        var allKeys: [Key] { [] }
        func contains(_ key: Key) -> Bool { false }
        func decodeNil(forKey key: Key) throws -> Bool { true }
        func decode<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T { try Placeholder.make(type) }
        func nestedContainer<Nested: CodingKey>(
            keyedBy type: Nested.Type, forKey key: Key
        ) throws -> KeyedDecodingContainer<Nested> {
            KeyedDecodingContainer(Members<Nested>())
        }
        func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
            try Placeholder().unkeyedContainer()
        }
        func superDecoder() throws -> any Decoder { Placeholder() }
        func superDecoder(forKey key: Key) throws -> any Decoder { Placeholder() }
    }
}

extension Placeholder: SingleValueDecodingContainer {
    func decodeNil() -> Bool { true }
    func decode<T: Decodable>(_ type: T.Type) throws -> T { try Self.make(type) }
}
