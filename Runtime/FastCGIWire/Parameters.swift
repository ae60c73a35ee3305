/// The name-value pairs of a finished stream (FastCGI 1.0 §3.4), left where they arrived: a request has twenty of them
/// and needs the text of a few.
public struct Parameters: Sendable {
    public typealias Place = (name: Range<Int>, value: Range<Int>)

    public let bytes: [UInt8]
    /// Where each pair is in ``bytes``, in the order in which they came.
    public let places: [Place]

    /// Finds all pairs of a finished stream.
    ///
    /// - Throws: ``WireError/malformedPairs`` when a length goes beyond the stream's end. Go's reader stops quietly
    ///   there and serves what it has got; a request that lost half of its parameters is not the request that was
    ///   sent.
    public init(_ bytes: [UInt8]) throws(WireError) {
        guard let places = bytes.withUnsafeBufferPointer(Self.places) else { throw .malformedPairs }
        self.bytes = bytes
        self.places = places
    }

    /// The same pairs as a stream would bring them.
    public init(_ pairs: [NameValuePair]) {
        bytes = NameValuePair.encode(pairs)
        places = bytes.withUnsafeBufferPointer(Self.places) ?? []
    }

    /// The pairs as text. What is not UTF-8 in them becomes U+FFFD.
    public var pairs: [NameValuePair] {
        places.map { place in
            NameValuePair(
                String(decoding: bytes[place.name], as: UTF8.self), String(decoding: bytes[place.value], as: UTF8.self))
        }
    }

    private static func places(in bytes: UnsafeBufferPointer<UInt8>) -> [Place]? {
        // Counted first, for what a request keeps of them to be no larger than they are.
        var count = 0
        var position = 0
        while position < bytes.count {
            guard takePlace(from: bytes, &position) != nil else { return nil }
            count += 1
        }
        var places: [Place] = []
        places.reserveCapacity(count)
        position = 0
        while let place = takePlace(from: bytes, &position) { places.append(place) }
        return places
    }

    /// - Returns: nil at the end, and where a length goes beyond it.
    private static func takePlace(from bytes: UnsafeBufferPointer<UInt8>, _ position: inout Int) -> Place? {
        guard let nameLength = takeLength(from: bytes, &position),
            let valueLength = takeLength(from: bytes, &position),
            // Two lengths of at most 2³¹ - 1 cannot overflow an Int of 64 bits.
            nameLength + valueLength <= bytes.count - position
        else { return nil }
        let valueStart = position + nameLength
        position = valueStart + valueLength
        return (valueStart - nameLength..<valueStart, valueStart..<position)
    }

    /// A length below 128 takes one byte, any other four with the top bit set.
    private static func takeLength(from bytes: UnsafeBufferPointer<UInt8>, _ position: inout Int) -> Int? {
        guard position < bytes.count else { return nil }
        let first = bytes[position]
        guard first & 0x80 != 0 else {
            position += 1
            return Int(first)
        }
        guard bytes.count - position >= 4 else { return nil }
        let length =
            Int(first & 0x7F) << 24 | Int(bytes[position + 1]) << 16 | Int(bytes[position + 2]) << 8
            | Int(bytes[position + 3])
        position += 4
        return length
    }
}

/// Equal when the pairs are, however their lengths were written.
extension Parameters: Hashable {
    public static func == (one: Parameters, other: Parameters) -> Bool { one.pairs == other.pairs }
    public func hash(into hasher: inout Hasher) { hasher.combine(pairs) }
}
