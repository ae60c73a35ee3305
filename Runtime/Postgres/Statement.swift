import Glibc

/// One SQL command and the values of its parameters.
///
/// The text is what a prepared statement is recognised by, so it is a constant of the program: values go into
/// `parameters`, never into the text.
///
///     Statement("select name from agents where id = $1::uuid", [id])
///     Statement("select private.show_agent($1::uuid, $2::uuid)", [nil, agent])
public struct Statement: Sendable {
    public let sql: String
    let parameters: Parameters

    /// - Parameters:
    ///   - sql: One command, its parameters written `$1`, `$2`, ….
    ///   - parameters: In order; nil binds NULL. At most 65,535.
    public init(_ sql: String, _ parameters: [(any PostgresBindable)?] = []) {
        self.sql = sql
        self.parameters = Parameters(parameters)
    }

    /// The same for parameters that are all text and not NULL.
    init(_ sql: String, texts: [String]) {
        self.sql = sql
        parameters = Parameters(texts: texts)
    }

    /// Why the statement cannot be sent, or nil. C strings end at NUL: one inside would cut a value short silently.
    var problem: String? {
        if sql.containsNUL { return "SQL text with a NUL byte" }
        if parameters.containsNUL { return "parameter with a NUL byte" }
        if parameters.count > Parameters.limit { return "more than \(Parameters.limit) parameters" }
        return nil
    }
}

extension String {
    /// What cannot go where libpq takes a C string.
    var containsNUL: Bool {
        utf8.withContiguousStorageIfAvailable { bytes in
            bytes.baseAddress.map { memchr($0, 0, bytes.count) != nil } ?? false
        } ?? utf8.contains(0)
    }
}

/// The text alone: parameters are other people's data.
extension Statement: CustomStringConvertible, CustomReflectable {
    public var description: String { "\(sql) [\(parameters.count) parameters]" }
    public var customMirror: Mirror { Mirror(self, children: ["sql": sql]) }
}

/// Parameter values as libpq takes them, in one allocation: each value's UTF-8 and a NUL.
struct Parameters: Sendable {
    /// The protocol counts parameters in 16 bits (PostgreSQL documentation, "Message Formats", Bind).
    static let limit = 65_535
    private static let null = -1

    private(set) var bytes: [UInt8] = []
    private(set) var containsNUL = false
    private var offsets: [Int] = []

    var count: Int { offsets.count }

    init(_ values: [(any PostgresBindable)?]) {
        offsets.reserveCapacity(values.count)
        for value in values {
            if let value { append(value.postgresText) } else { offsets.append(Self.null) }
        }
    }

    init(texts: [String]) {
        offsets.reserveCapacity(texts.count)
        for text in texts { append(text) }
    }

    private mutating func append(_ text: String) {
        if text.containsNUL { containsNUL = true }
        offsets.append(bytes.count)
        var text = text
        text.withUTF8 { bytes.append(contentsOf: $0) }
        bytes.append(0)
    }

    /// Calls `body` with one pointer for each value, nil for NULL; valid only during the call.
    func withPointers<R>(_ body: (Int32, UnsafePointer<UnsafePointer<CChar>?>?) -> R) -> R {
        guard !offsets.isEmpty else { return body(0, nil) }
        return bytes.withUnsafeBytes { raw in
            withUnsafeTemporaryAllocation(of: UnsafePointer<CChar>?.self, capacity: offsets.count) { pointers in
                for (index, offset) in offsets.enumerated() {
                    let value = offset == Self.null ? nil : raw.baseAddress?.advanced(by: offset)
                    pointers.initializeElement(at: index, to: value?.assumingMemoryBound(to: CChar.self))
                }
                return body(Int32(offsets.count), UnsafePointer(pointers.baseAddress))
            }
        }
    }
}
