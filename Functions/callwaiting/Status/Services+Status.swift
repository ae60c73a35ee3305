import FunctionService
import PostgresClient
import WebClient

extension StatusPage {
    /// The page of one of our processes: what serves, if anything does, and then the rest.
    init(_ services: Services, server: Server?, accessLog: AccessLog? = nil, and others: [any StatusSource] = []) {
        self.init(
            program: "callwaiting", version: Release.version, server: server,
            sources: others + [
                DatabaseStatus(database: services.database), WebClientStatus(client: services.web),
                LogStatus(accessLog: accessLog), ProcessStatistics(),
            ])
    }
}

/// Which release this is.
enum Release {
    static let version = "0.1.0"
}

/// The lanes of the database.
struct DatabaseStatus: StatusSource {
    let database: Database

    func metrics() async -> [MetricGroup] {
        let lanes = Lane.allCases.map { (name: $0.rawValue, statistics: database.statistics(of: $0)) }
        func metric(
            _ name: String, _ kind: Metric.Kind, _ help: String, _ unit: Metric.Unit? = nil,
            value: (Database.Statistics) -> Metric.Value
        ) -> Metric {
            Metric(name, kind, unit, help, lanes.map { .init([("lane", $0.name)], value($0.statistics)) })
        }
        return [
            MetricGroup(
                "database",
                [
                    metric("database_connections", .gauge, "Connections that are up") { .integer($0.connected) },
                    metric("database_connections_busy", .gauge, "Of those, the ones with transactions under way") {
                        .integer($0.busy)
                    },
                    metric("database_connections_limit", .gauge, "Connections that there may be") {
                        .integer($0.connectionLimit)
                    },
                    metric("database_queue", .gauge, "Transactions that wait for a connection") {
                        .integer($0.waiting)
                    },
                    metric("database_queue_limit", .gauge, "Transactions that may wait; one more is refused") {
                        .integer($0.waitingLimit)
                    },
                    metric("database_oldest_wait", .gauge, "How long the first of those has waited", .seconds) {
                        .number($0.oldestWait.inSeconds)
                    },
                    metric("database_transactions", .counter, "Transactions sent") { .integer($0.transactions) },
                    metric("database_statements", .counter, "Statements in them") { .integer($0.statements) },
                    metric("database_batches", .counter, "Times that waiting transactions were sent together") {
                        .integer($0.batches)
                    },
                    metric("database_batch_maximum", .gauge, "Most transactions that were sent together") {
                        .integer($0.largestBatch)
                    },
                    metric("database_errors", .counter, "Transactions that the server or a lost connection failed") {
                        .integer($0.errors)
                    },
                    metric("database_connects", .counter, "Connections made, the first ones included") {
                        .integer($0.connects)
                    },
                    metric("database_connect_failures", .counter, "Attempts to connect that failed") {
                        .integer($0.failedConnects)
                    },
                ])
        ]
    }
}

/// The client that asks providers.
struct WebClientStatus: StatusSource {
    let client: WebClient

    func metrics() async -> [MetricGroup] {
        let statistics = client.statistics
        return [
            MetricGroup(
                "providers",
                [
                    .gauge("transfers_in_flight", "Requests to providers under way", statistics.inFlight),
                    .counter("transfers", "Requests to providers begun", statistics.transfers),
                    .counter(
                        "transfer_failures", "Requests to providers without a whole answer, cancelled ones included",
                        statistics.failures),
                ])
        ]
    }
}

/// Lines that nobody took.
struct LogStatus: StatusSource {
    let accessLog: AccessLog?

    func metrics() async -> [MetricGroup] {
        var metrics: [Metric] = [
            .counter("log_lines_dropped", "Log lines that standard error did not take", JSONLogHandler.droppedLines)
        ]
        if let accessLog {
            metrics.append(
                .counter("access_log_lines_dropped", "Access log lines that were not written", accessLog.droppedLines))
        }
        return [MetricGroup("logs", metrics)]
    }
}
