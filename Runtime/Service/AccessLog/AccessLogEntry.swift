import FunctionCore
import Glibc
import HTTPTypes

/// What the access log keeps of a request until its line is made. Lets go of the request's other header fields, and
/// never had its query.
struct AccessLogEntry: Sendable {
    var client: String?
    var method: String?
    var path: String?
    var referrer: String?
    var userAgent: String?
    var status: Int
    var bytes: Int
    var duration: Duration
    var id: String?
    var function: FunctionName?
    var transport: RequestReport.Transport
    var ending: RequestReport.Ending
    var code: String?
    var time = timespec()

    /// Longest referrer and user agent kept, in bytes; more is cut off.
    static let longestField = 512

    init(_ report: RequestReport) {
        if let head = report.head {
            client = head.clientAddress.map { Self.cut($0[...], to: Self.longestWord) }
            method = Self.cut(head.method.rawValue[...], to: Self.longestWord)
            path = head.target.path
            // Without its query, which can be as secret as ours.
            referrer = head.fields[.referer].map { Self.cut($0.prefix { $0 != "?" && $0 != "#" }) }
            userAgent = head.fields[.userAgent].map { Self.cut($0[...]) }
        }
        status = report.status.code
        bytes = report.bytes
        duration = report.duration
        id = report.id
        function = report.function
        transport = report.transport
        ending = report.ending
        code = report.problem?.kind.code
        clock_gettime(CLOCK_REALTIME, &time)
    }

    /// Longest method and address kept, in bytes.
    static let longestWord = 64

    private static func cut(_ text: Substring, to length: Int = longestField) -> String {
        text.utf8.count <= length ? String(text) : String(decoding: text.utf8.prefix(length), as: UTF8.self)
    }

    /// Roughly the bytes that it holds.
    var size: Int {
        512 + (path?.utf8.count ?? 0) + (referrer?.utf8.count ?? 0) + (userAgent?.utf8.count ?? 0)
    }
}
