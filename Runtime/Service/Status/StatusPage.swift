import FunctionChannel
import FunctionCore
import Glibc
import HTTPTypes

/// GET /status: what a server is doing, as text; `?format=json` as JSON, `?full` with its requests in flight.
/// GET /metrics: the same in numbers (OpenMetrics). GET /healthz: whether it serves, and its event loops answer.
///
/// Nothing on it is a secret: no query, no header field, no setting.
public struct StatusPage: Function {
    public static let name: FunctionName = "status"
    public static let routes = [
        Route.get("/status", caller: .anyone), .get("/metrics", caller: .anyone), .get("/healthz", caller: .anyone),
    ]

    private let program: String
    private let version: String
    /// nil for a process that serves nothing but this page.
    private let server: Server?
    private let sources: [any StatusSource]
    private let started = (text: UTCTime.now().iso8601, at: ContinuousClock.now)

    /// - Parameters:
    ///   - program: letters, digits and underscores; every metric's name begins with it.
    ///   - sources: in the order of the page, after what the server says of itself.
    public init(program: String, version: String, server: Server?, sources: [any StatusSource]) {
        self.program = program
        self.version = version
        self.server = server
        self.sources = sources
    }

    public func respond(to request: Request, in context: Context) async throws -> Response {
        switch request.head.target.path {
        case "/metrics":
            return metrics(await report(listing: nil))
        case "/healthz":
            return await health()
        default:
            let report = await report(listing: request.query["full"] == nil ? nil : ServerStatistics.longestList)
            switch request.query["format"] ?? "text" {
            case "json": return .text(report.json, type: "application/json")
            case "text": return .text(report.text)
            case "openmetrics": return metrics(report)
            default: throw Problem(.notFound, "The format is text, json or openmetrics.")
            }
        }
    }

    private func report(listing: Int?) async -> StatusReport {
        let statistics = await server?.statistics(listing: listing ?? 0)
        var groups = statistics?.groups ?? []
        for source in sources { groups += await source.metrics() }
        var report = StatusReport(
            program: program, version: version, process: Int(getpid()), state: statistics?.state ?? .serving,
            started: started.text, uptime: started.at.duration(to: .now), groups: groups)
        if listing != nil {
            report.requests = statistics?.requests ?? []
            report.unlisted = max(0, (statistics?.inFlight ?? 0) - (report.requests?.count ?? 0))
        }
        return report
    }

    private func metrics(_ report: StatusReport) -> Response {
        .text(OpenMetrics.text([about] + report.groups, prefix: program), type: OpenMetrics.contentType)
    }

    /// What the other formats say in their heads.
    private var about: MetricGroup {
        MetricGroup(
            "program",
            [
                Metric("build", .info, nil, "What runs here", [.init([("version", version)], .integer(1))]),
                .gauge("uptime", "Since this program started", started.at.duration(to: .now)),
            ])
    }

    private func health() async -> Response {
        guard let statistics = await server?.statistics(listing: 0) else { return Self.health("serving", .ok) }
        guard statistics.stuckLoops == 0 else { return Self.health("stuck", .serviceUnavailable) }
        return Self.health(statistics.state.rawValue, .ok)
    }

    private static func health(_ state: String, _ status: HTTPResponse.Status) -> Response {
        .text(#"{"status":"\#(state)"}"#, status: status, type: "application/json")
    }
}
