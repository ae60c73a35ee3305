import FastCGI
import FastCGIWire
import FunctionCore
import FunctionService
import HTTPTypes
import NIOCore
import Testing

/// The two ways to a responder, so that one scenario can be told over both.
enum Transport: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case http
    case fastCGI

    var testDescription: String { rawValue }
    var wireProtocol: Listener.WireProtocol { self == .http ? .http : .fastCGI }

    struct Answer: Equatable {
        var status: Int
        var fields: [String: String]
        var body: [UInt8]
        /// Whether the response came to its own end.
        var isComplete = true

        var text: String { String(decoding: body, as: UTF8.self) }
    }

    /// The bytes of one request, after which the connection is to close.
    func request(_ method: String, _ path: String, body: [UInt8]? = nil, declaring length: Int? = nil) -> [UInt8] {
        let length = length ?? body?.count
        switch self {
        case .http:
            let field = length.map { "Content-Length: \($0)\r\n" } ?? ""
            return Array("\(method) \(path) HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\(field)\r\n".utf8)
                + (body ?? [])
        case .fastCGI:
            return ResponseReader.request(
                Self.parameters(method, path, length: length), body: body ?? [], keepConnection: false)
        }
    }

    static func parameters(_ method: String, _ path: String, length: Int? = nil) -> [NameValuePair] {
        [
            NameValuePair("REQUEST_METHOD", method), NameValuePair("REQUEST_URI", path),
            NameValuePair("CONTENT_LENGTH", length.map(String.init) ?? ""),
        ]
    }

    func send(
        _ method: String, _ path: String, body: [UInt8]? = nil, declaring length: Int? = nil, to server: TestServer
    ) async throws -> Answer {
        try await RawClient.with(server.address(wireProtocol)) { client in
            try await client.send(request(method, path, body: body, declaring: length))
            return try read(await client.bytesUntilEnd(), isHead: method == "HEAD")
        }
    }

    struct Unreadable: Error {
        var bytes: String
    }

    /// Reads the one response in `bytes`.
    func read(_ bytes: [UInt8], isHead: Bool = false) throws -> Answer {
        switch self {
        case .http: try readHTTP(bytes, isHead: isHead)
        case .fastCGI: try readFastCGI(bytes)
        }
    }

    private func readHTTP(_ bytes: [UInt8], isHead: Bool) throws -> Answer {
        guard let end = bytes.indices.first(where: { bytes[$0...].starts(with: "\r\n\r\n".utf8) }) else {
            throw Unreadable(bytes: String(decoding: bytes, as: UTF8.self))
        }
        var lines = String(decoding: bytes[..<end], as: UTF8.self).split(separator: "\r\n")
        let status = lines.removeFirst().split(separator: " ")
        guard status.count >= 2, let code = Int(status[1]) else { throw Unreadable(bytes: "\(status)") }
        var answer = Answer(status: code, fields: [:], body: Array(bytes[(end + 4)...]))
        for line in lines {
            let parts = line.split(separator: ":", maxSplits: 1)
            answer.fields[parts[0].lowercased()] = String(parts[1].drop { $0 == " " })
        }
        if answer.fields["transfer-encoding"] == "chunked" {
            (answer.body, answer.isComplete) = Self.joinChunks(answer.body)
        } else if !isHead, let length = answer.fields["content-length"].flatMap({ Int($0) }) {
            answer.isComplete = answer.body.count == length
        }
        return answer
    }

    private static func joinChunks(_ bytes: [UInt8]) -> ([UInt8], Bool) {
        var body: [UInt8] = []
        var rest = bytes[...]
        while let lineEnd = rest.firstIndex(of: UInt8(ascii: "\r")),
            let count = Int(String(decoding: rest[..<lineEnd], as: UTF8.self), radix: 16)
        {
            rest = rest[(lineEnd + 2)...]
            if count == 0 { return (body, rest.elementsEqual("\r\n".utf8)) }
            guard rest.count >= count + 2 else { break }
            body += rest.prefix(count)
            rest = rest.dropFirst(count + 2)
        }
        return (body, false)
    }

    /// A record that is none ends a response that broke off.
    private func next(_ reader: inout ResponseReader) throws -> ResponseReader.Part? {
        do { return try reader.next() } catch WireError.unsupportedVersion(0) { return nil }
    }

    private func readFastCGI(_ bytes: [UInt8]) throws -> Answer {
        var reader = ResponseReader()
        reader.receive(bytes)
        var answer = Answer(status: 0, fields: [:], body: [], isComplete: false)
        while let part = try next(&reader) {
            switch part {
            case .head(let status, let fields):
                answer.status = status
                for field in fields { answer.fields[field.name.lowercased()] = field.value }
            case .body(let bytes): answer.body += bytes
            case .errorText: break
            case .end(let appStatus): answer.isComplete = appStatus == 0
            }
        }
        guard answer.status > 0 else { throw Unreadable(bytes: String(decoding: bytes, as: UTF8.self)) }
        return answer
    }
}
