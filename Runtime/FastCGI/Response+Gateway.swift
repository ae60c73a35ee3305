import FastCGIWire
import FunctionCore
import HTTPTypes
import NIOCore

extension Response {
    /// Bodies up to this many bytes are waited for, so that what they come from is free at once.
    private static let shortBody = 64 * 1_024

    /// What an application, or a CGI program, answers to a web server.
    ///
    /// - Parameters:
    ///   - isHead: whether the request was a HEAD, so that a declared length is not that of what follows.
    ///   - next: the parts in their order, and nil at their end. A streamed body that is not read to its end, or is
    ///     given up, no longer asks for them.
    /// - Throws: what `next` throws; `WireError`; `ChannelError.eof` for a body shorter than declared.
    public init(isHead: Bool, next: @escaping @Sendable () async throws -> ResponseReader.Part?) async throws {
        guard case .head(let status, let pairs) = try await next() else { throw WireError.malformedResponseHead }
        self.init(status: .init(code: status))
        for pair in pairs {
            guard let name = HTTPField.Name(pair.name) else { throw WireError.malformedResponseHead }
            fields.append(HTTPField(name: name, value: pair.value))
        }
        let length = fields[.contentLength].flatMap { Int(strictDecimal: $0) }
        if isHead || !statusAllowsBody {
            while try await next() != nil {}
            // The length of what a GET would get; nothing produces it.
            if isHead, let length { body = .stream(length: length, produce: { _ in }) }
        } else if let length, length <= Self.shortBody {
            var bytes: [UInt8] = []
            while let part = try await next() {
                if case .body(let more) = part { bytes += more }
                guard bytes.count <= length else { throw WireError.malformedResponseHead }
            }
            guard bytes.count == length else { throw ChannelError.eof }
            body = .bytes(bytes)
        } else {
            body = .stream(length: length) { writer in
                while let part = try await next() {
                    if case .body(let bytes) = part { try await writer.write(Array(bytes)) }
                }
            }
        }
    }
}
