import Callers
import FunctionService
import PostgresClient
import Synchronization

/// What a worker's jobs have done since it started.
final class WorkerRecord: Sendable {
    struct OfJob: Sendable {
        var done = 0
        var failures = 0
        var lastSuccess: ContinuousClock.Instant?
    }

    private let jobs = Mutex<[String: OfJob]>([:])

    var all: [String: OfJob] { jobs.withLock { $0 } }

    func succeeded(_ job: String, _ count: Int) {
        jobs.withLock { jobs in
            jobs[job, default: OfJob()].done += count
            jobs[job, default: OfJob()].lastSuccess = .now
        }
    }

    func failed(_ job: String) { jobs.withLock { $0[job, default: OfJob()].failures += 1 } }
}

/// The worker's own part of its status page: its jobs, and what waits for it in the database.
struct WorkerStatus: StatusSource {
    let record: WorkerRecord
    let database: Database

    func metrics() async -> [MetricGroup] { [jobs, await backlog] }

    private var jobs: MetricGroup {
        let jobs = record.all.sorted { $0.key < $1.key }
        return MetricGroup(
            "jobs",
            [
                Metric(
                    "job_items", .counter, nil, "Things done, by job",
                    jobs.map { .init([("job", $0.key)], .integer($0.value.done)) }),
                Metric(
                    "job_failures", .counter, nil, "Looks that failed, by job",
                    jobs.map { .init([("job", $0.key)], .integer($0.value.failures)) }),
                Metric(
                    "job_last_success_age", .gauge, .seconds, "Since a look last succeeded, by job",
                    jobs.compactMap { name, job in
                        job.lastSuccess.map { .init([("job", name)], .number($0.duration(to: .now).inSeconds)) }
                    }),
            ])
    }

    /// One look at the database. Without an answer in time the page says that, and nothing else.
    private var backlog: MetricGroup {
        get async {
            do {
                let row = try await database.query(
                    Statement("select * from private.worker_backlog()"), as: .worker, lane: .slow,
                    deadline: .now + .seconds(1)
                ).one()
                return MetricGroup(
                    "backlog",
                    [
                        .gauge("backlog_known", "Whether the database answered: 1 or 0", 1),
                        .gauge(
                            "payment_events_due", "Payment events that wait to be settled now",
                            try row.decode("events_due", as: Int.self)),
                        Metric(
                            "payment_events_oldest_due", .gauge, .seconds, "How long the first of those has been due",
                            [.init([], .number(Double(try row.decode("oldest_due_seconds", as: Int.self))))]),
                        .gauge(
                            "payment_events_failing", "Payment events not settled that have failed at least once",
                            try row.decode("events_failing", as: Int.self)),
                        .gauge(
                            "payment_events_given_up", "Payment events that have failed too often to be tried again",
                            try row.decode("events_given_up", as: Int.self)),
                        .gauge(
                            "payments_due", "Payments to ask the provider about now",
                            try row.decode("payments_due", as: Int.self)),
                    ])
            } catch {
                return MetricGroup(
                    "backlog", [.gauge("backlog_known", "Whether the database answered: 1 or 0", 0)])
            }
        }
    }
}
