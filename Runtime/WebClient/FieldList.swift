import CCurl
import HTTPTypes

/// Request fields as the `curl_slist` that CURLOPT_HTTPHEADER keeps a pointer to. Owns the list; used on one thread.
final class FieldList {
    /// nil while empty, as libcurl's lists are.
    private(set) var head: UnsafeMutablePointer<curl_slist>?

    init() {}
    deinit { curl_slist_free_all(head) }

    /// What decides where a message ends, or belongs to one hop, is libcurl's to say: a second opinion from the caller
    /// is how requests are smuggled.
    static let reserved: Set<HTTPField.Name> = [
        .contentLength, .transferEncoding, .connection, .expect, .te, .trailer, .upgrade,
    ]

    /// Appends a field; refuses a reserved name, and CR, LF or NUL in the value.
    func append(_ field: HTTPField) throws(WebError.Code) {
        guard !Self.reserved.contains(field.name) else { throw .badFunctionArgument }
        let line = field.withUnsafeBytesOfValue { value -> [UInt8]? in
            guard Self.isOneLine(value) else { return nil }
            var line = Array(field.name.rawName.utf8)
            // `Name:` alone would remove the field, `Name;` sends it empty (CURLOPT_HTTPHEADER).
            guard value.contains(where: { $0 != 0x20 && $0 != 0x09 }) else { return line + [UInt8(ascii: ";"), 0] }
            line.reserveCapacity(line.count + value.count + 3)
            line += [UInt8(ascii: ":"), UInt8(ascii: " ")]
            line += value
            line.append(0)
            return line
        }
        guard let line else { throw .badFunctionArgument }
        try append(line)
    }

    /// Keeps libcurl from adding this field of its own accord.
    func suppress(_ name: HTTPField.Name) throws(WebError.Code) {
        try append(Array(name.rawName.utf8) + [UInt8(ascii: ":"), 0])
    }

    /// Whether the bytes can be a field value at all (RFC 9110 §5.5).
    static func isOneLine(_ bytes: some Sequence<UInt8>) -> Bool {
        !bytes.contains { $0 == 0x0D || $0 == 0x0A || $0 == 0 }
    }

    private func append(_ line: [UInt8]) throws(WebError.Code) {
        let longer = line.withUnsafeBytes {
            curl_slist_append(head, $0.baseAddress?.assumingMemoryBound(to: CChar.self))
        }
        guard let longer else { throw WebError.Code(CURLE_OUT_OF_MEMORY) }
        head = longer
    }
}

extension WebError.Code: Error {}
