import FunctionCore

/// Decodes a type from a ``JSONValue``, going on after a violation: the refused value is recorded and a placeholder
/// takes its place until the top throws everything away. Where no placeholder can be made the collection ends there.
struct ValueDecoder: Decoder {
    let value: JSONValue
    /// Where the value lies is put together only when somebody asks: rarely, and there may be thousands of values.
    private let parentPath: [any CodingKey]
    private let place: Place
    let collector: ViolationCollector

    enum Place {
        case top
        case member(any CodingKey)
        case element(Int)
    }

    init(value: JSONValue, in parentPath: [any CodingKey] = [], at place: Place = .top, collector: ViolationCollector) {
        self.value = value
        self.parentPath = parentPath
        self.place = place
        self.collector = collector
    }

    var codingPath: [any CodingKey] {
        switch place {
        case .top: parentPath
        case .member(let key): parentPath + [key]
        case .element(let index): parentPath + [IndexKey(index)]
        }
    }

    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        guard case .object(let members) = value else { throw mismatch("must be an object") }
        return KeyedDecodingContainer(KeyedValues(members: members, codingPath: codingPath, collector: collector))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        guard case .array(let elements) = value else { throw mismatch("must be a list") }
        return UnkeyedValues(elements: elements, codingPath: codingPath, collector: collector)
    }

    func singleValueContainer() -> any SingleValueDecodingContainer { self }

    private func mismatch(_ message: String) -> Mismatch {
        Mismatch(path: codingPath, message: value == .null ? "must not be null" : message)
    }

    /// The value as a `T`, or what stands in for it once the violation is recorded.
    func collect<T: Decodable>(_ type: T.Type) throws -> T {
        let before = collector.violations.count
        do {
            return try decode(type)
        } catch let ended as CollectionEnded {
            throw ended
        } catch {
            // A rule over several fields says nothing new when one of them was refused already.
            if collector.violations.count == before || !(error is Problem.Violation) {
                collector.record(error, at: codingPath)
            }
        }
        return try Placeholder.make(type, for: collector)
    }

    private func choice<T: CaseIterable & RawRepresentable>(_ type: T.Type) throws -> T? {
        guard T.RawValue.self == String.self else { return nil }
        let text = try scalar(String.self)
        if let raw = text as? T.RawValue, let choice = T(rawValue: raw) { return choice }
        throw mismatch("must be one of: \(T.allCases.map { "\($0.rawValue)" }.joined(separator: ", "))")
    }

    private func scalar<T: JSONScalar>(_ type: T.Type) throws -> T {
        do throws(ScalarMismatch) {
            return try T.read(value, isText: isText)
        } catch {
            throw mismatch(error.message)
        }
    }

    private var isText: Bool {
        guard !collector.textMembers.isEmpty, parentPath.isEmpty, case .member(let key) = place else { return false }
        return collector.textMembers.contains(key.stringValue)
    }
}

extension ValueDecoder: SingleValueDecodingContainer {
    func decodeNil() -> Bool { value == .null }

    /// - Throws: ``Mismatch`` here, whatever `T` throws, or ``CollectionEnded``.
    func decode<T: Decodable>(_ type: T.Type) throws -> T {
        if type == String.self, case .string(let text) = value, let result = text as? T { return result }
        if let scalarType = type as? any JSONScalar.Type, let result = try scalar(scalarType) as? T { return result }
        if let choiceType = type as? any (CaseIterable & RawRepresentable).Type,
            let result = try choice(choiceType) as? T
        {
            return result
        }
        return try T(from: self)
    }
}

/// The members of an object.
struct KeyedValues<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let members: [String: JSONValue]
    let codingPath: [any CodingKey]
    let collector: ViolationCollector

    var allKeys: [Key] { members.keys.compactMap { Key(stringValue: $0) } }

    func contains(_ key: Key) -> Bool { members[key.stringValue] != nil }

    func decodeNil(forKey key: Key) throws -> Bool { members[key.stringValue] == .null }

    func decode<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T {
        if let value = members[key.stringValue] { return try decoder(value, key).collect(type) }
        collector.record(Mismatch(path: codingPath + [key], message: "is required"), at: [])
        return try Placeholder.make(type, for: collector)
    }

    func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type, forKey key: Key
    ) throws -> KeyedDecodingContainer<Nested> {
        try superDecoder(forKey: key).container(keyedBy: type)
    }

    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
        try superDecoder(forKey: key).unkeyedContainer()
    }

    func superDecoder() throws -> any Decoder {
        ValueDecoder(value: .object(members), in: codingPath, collector: collector)
    }

    func superDecoder(forKey key: Key) throws -> any Decoder {
        guard let value = members[key.stringValue] else {
            throw Mismatch(path: codingPath + [key], message: "is required")
        }
        return decoder(value, key)
    }

    private func decoder(_ value: JSONValue, _ key: Key) -> ValueDecoder {
        ValueDecoder(value: value, in: codingPath, at: .member(key), collector: collector)
    }
}

/// The elements of a list.
struct UnkeyedValues: UnkeyedDecodingContainer {
    let elements: [JSONValue]
    let codingPath: [any CodingKey]
    let collector: ViolationCollector
    private(set) var currentIndex = 0

    init(elements: [JSONValue], codingPath: [any CodingKey], collector: ViolationCollector) {
        self.elements = elements
        self.codingPath = codingPath
        self.collector = collector
    }

    var count: Int? { elements.count }
    var isAtEnd: Bool { currentIndex == elements.count }

    mutating func decodeNil() throws -> Bool {
        guard !isAtEnd, elements[currentIndex] == .null else { return false }
        currentIndex += 1
        return true
    }

    mutating func decode<T: Decodable>(_ type: T.Type) throws -> T { try next().collect(type) }

    mutating func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type
    ) throws -> KeyedDecodingContainer<Nested> {
        try next().container(keyedBy: type)
    }

    mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer { try next().unkeyedContainer() }

    mutating func superDecoder() throws -> any Decoder { try next() }

    private mutating func next() throws -> ValueDecoder {
        guard !isAtEnd else {
            throw Mismatch(path: codingPath + [IndexKey(currentIndex)], message: "is required")
        }
        defer { currentIndex += 1 }
        return ValueDecoder(
            value: elements[currentIndex], in: codingPath, at: .element(currentIndex), collector: collector)
    }
}
