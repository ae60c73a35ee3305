import HTTPTypes

/// The fields that every response of an ``Application`` carries. They are written beside the function's own and never put
/// among them: to take in and write out five of them cost `HTTPFields` a seventh of what a whole request did.
///
/// A class, so that a response stays cheap to pass on.
public final class CommonFields: Sendable {
    /// `X-Request-Id`
    public let requestID: RequestID
    /// The value of `Server-Timing`.
    let timing: String
    /// Whether `Content-Security-Policy` forbids whatever a page could do: where the function has said nothing of it.
    let forbidsContent: Bool
    /// Whether `Cache-Control` forbids keeping the answer: likewise.
    let forbidsStoring: Bool
    /// Whether `Vary` tells caches that the answer depends on the page that asks.
    let variesByOrigin: Bool

    init(requestID: RequestID, timing: String, forbidsContent: Bool, forbidsStoring: Bool, variesByOrigin: Bool) {
        self.requestID = requestID
        self.timing = timing
        self.forbidsContent = forbidsContent
        self.forbidsStoring = forbidsStoring
        self.variesByOrigin = variesByOrigin
    }

    /// What no function sets for itself.
    static let names = [HTTPField.Name.requestID, .serverTiming, .xContentTypeOptions]

    private static let noSniffing = Line(.xContentTypeOptions, "nosniff")
    /// Nothing of ours is a page: what a browser takes for one loads nothing, and is shown in no frame.
    private static let noContent = Line(.contentSecurityPolicy, "default-src 'none'; frame-ancestors 'none'")
    private static let noStore = Line(.cacheControl, "no-store")
    private static let byOrigin = Line(.vary, "Origin")

    /// As HTTP/1.1 and CGI write them: a line for each, with CRLF.
    public func append(to bytes: inout [UInt8]) {
        bytes += Self.requestIDStart
        requestID.description.withBytes { bytes += $0 }
        bytes += Self.timingStart
        timing.withBytes { bytes += $0 }
        bytes += Self.lineEnd
        for line in lines { bytes += line.bytes }
    }

    /// The same, apart.
    var all: [HTTPField] {
        [HTTPField(name: .requestID, value: requestID.description), HTTPField(name: .serverTiming, value: timing)]
            + lines.map(\.field)
    }

    private var lines: [Line] {
        switch (forbidsContent, forbidsStoring, variesByOrigin) {
        case (true, true, false): Self.usual
        case (true, true, true): Self.usualByOrigin
        default:
            [Self.noSniffing] + (forbidsContent ? [Self.noContent] : []) + (forbidsStoring ? [Self.noStore] : [])
                + (variesByOrigin ? [Self.byOrigin] : [])
        }
    }

    private static let usual = [noSniffing, noContent, noStore]
    private static let usualByOrigin = usual + [byOrigin]
    private static let requestIDStart = Array("\(HTTPField.Name.requestID.rawName): ".utf8)
    private static let timingStart = Array("\r\n\(HTTPField.Name.serverTiming.rawName): ".utf8)
    private static let lineEnd = Array("\r\n".utf8)

    /// A field that is always the same, ready to be sent.
    private struct Line: Sendable {
        let field: HTTPField
        let bytes: [UInt8]

        init(_ name: HTTPField.Name, _ value: String) {
            field = HTTPField(name: name, value: value)
            bytes = Array("\(name.rawName): \(value)\r\n".utf8)
        }
    }
}
