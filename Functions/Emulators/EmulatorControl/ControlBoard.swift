import FunctionCore
import HTTPTypes
import Synchronization

/// What the emulators share with whoever tests against them: the faults to come, and the requests that came.
public final class ControlBoard: Sendable {
    public enum Provider: String, CaseIterable, Sendable {
        case openai, minimax, flutterwave

        /// Faults that this provider can show.
        public var faults: Set<Fault.Kind> {
            let own: Set<Fault.Kind> =
                switch self {
                case .openai: Fault.Kind.openAI
                case .minimax: Fault.Kind.miniMax
                case .flutterwave: Fault.Kind.verify.union(Fault.Kind.webhook)
                }
            return own.union(Fault.Kind.transport).union(Fault.Kind.refusals)
        }
    }

    /// One request as it arrived.
    public struct Record: Codable, Sendable {
        public var operation: String
        public var method: String
        public var path: String
        public var query: String
        /// Names in lower case; the value of `authorization` is not kept.
        public var fields: [String: String]
        /// The first ``ControlBoard/keptBody`` bytes.
        public var body: String
    }

    /// Everything known about one provider.
    public struct Report: Codable, Sendable {
        public var requests = 0
        public var operations: [String: Int] = [:]
        public var faults: [Fault] = []
        /// The last ``ControlBoard/keptRequests``, oldest first.
        public var recent: [Record] = []
    }

    public static let keptRequests = 100
    /// Bytes.
    public static let keptBody = 65_536
    public static let maximumFaults = 100

    private let reports = Mutex<[Provider: Report]>([:])
    /// How often each provider's faults were cleared.
    private let clearings = Mutex<[Provider: Int]>([:])

    public init() {}

    public func report(of provider: Provider) -> Report {
        reports.withLock { $0[provider, default: Report()] }
    }

    /// Queues a fault behind those that wait already. Nothing happens when ``maximumFaults`` wait.
    public func add(_ fault: Fault, to provider: Provider) {
        reports.withLock { reports in
            guard reports[provider, default: Report()].faults.count < Self.maximumFaults else { return }
            reports[provider, default: Report()].faults.append(fault)
        }
    }

    /// Forgets the provider's faults, and lets the answers go that one of them holds.
    public func clearFaults(of provider: Provider) {
        reports.withLock { $0[provider, default: Report()].faults = [] }
        clearings.withLock { $0[provider, default: 0] += 1 }
    }

    func clearings(of provider: Provider) -> Int { clearings.withLock { $0[provider, default: 0] } }

    /// Forgets the provider's faults, counts and requests.
    public func reset(_ provider: Provider) {
        reports.withLock { $0[provider] = nil }
        clearings.withLock { $0[provider, default: 0] += 1 }
    }

    /// Counts and keeps one request.
    public func record(_ request: Request, of provider: Provider, as operation: String) {
        var fields: [String: String] = [:]
        for field in request.fields {
            fields[field.name.canonicalName] = field.name == .authorization ? "<redacted>" : field.value
        }
        let record = Record(
            operation: operation, method: request.method.rawValue, path: request.head.target.path,
            query: request.query.raw, fields: fields,
            body: String(decoding: request.body.prefix(Self.keptBody), as: UTF8.self))
        reports.withLock { reports in
            reports[provider, default: Report()].requests += 1
            reports[provider, default: Report()].operations[operation, default: 0] += 1
            reports[provider, default: Report()].recent.append(record)
            if reports[provider, default: Report()].recent.count > Self.keptRequests {
                reports[provider, default: Report()].recent.removeFirst()
            }
        }
    }

    /// The first waiting fault that fits, one of its times used up; nil when there is none.
    ///
    /// - Parameter onlyNamed: leave faults that are for any operation.
    public func take(
        _ provider: Provider, _ operation: String, accepting kinds: Set<Fault.Kind>, onlyNamed: Bool = false
    ) -> Fault? {
        reports.withLock { reports in
            guard var report = reports[provider],
                let index = report.faults.firstIndex(where: { fault in
                    kinds.contains(fault.kind) && (fault.operation ?? (onlyNamed ? "" : operation)) == operation
                })
            else { return nil }
            let fault = report.faults[index]
            if let times = fault.times {
                report.faults[index].times = times - 1
                if times <= 1 { report.faults.remove(at: index) }
            }
            reports[provider] = report
            return fault
        }
    }
}
