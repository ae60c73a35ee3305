import Glibc
import Logging
import PostgresClient
import Synchronization

/// A Postgres cluster of our own: created on first use, on a Unix socket only, and gone when this process is.
///
/// It runs under a watcher that holds a pipe to this process. However this process ends, even by `kill -9`, the pipe
/// closes and the watcher sends Postgres a fast shutdown. Only one process at a time may use a directory; whoever starts
/// a cluster there first ends what a killed predecessor has left.
public final class PostgresCluster: Sendable {
    public struct Options: Sendable {
        /// Off: a crash of the machine may lose or spoil the cluster, and everything is much faster. For tests.
        public var durable = true
        /// From the start of Postgres until it takes connections, recovery after a crash included.
        public var startTimeout: Duration = .seconds(60)
        /// From a fast shutdown to harsher means.
        public var stopTimeout: Duration = .seconds(20)
        /// Further server settings by name.
        public var settings: [String: String] = [:]

        public init() {}
    }

    /// The socket file's name ends in it; nothing listens on a network port.
    static let port = 5432
    static let databaseName = "callwaiting"

    public let dataDirectory: String
    /// Private, short (a Unix socket's path ends at 107 bytes), new at each start, removed at the end.
    public let socketDirectory: String
    private let process: PostgresProcess
    private let options: Options
    private let logger: Logger

    private init(data: String, sockets: String, process: PostgresProcess, options: Options, logger: Logger) {
        dataDirectory = data
        socketDirectory = sockets
        self.process = process
        self.options = options
        self.logger = logger
    }

    /// The database `callwaiting`, as the cluster's superuser. For root and for whoever started the cluster.
    public var databaseURL: String { url() }

    /// A libpq URI. There is no password: whoever can enter the socket directory is trusted.
    public func url(database: String = "callwaiting", user: String = "postgres") -> String {
        "postgresql://\(user)@/\(database)?host=\(socketDirectory)&port=\(Self.port)"
    }

    /// Creates the cluster in `directory` if there is none, starts it, and makes sure of the database `callwaiting`.
    ///
    /// Run by root, Postgres runs as the user `postgres`; where that user cannot enter `directory`, the data goes to
    /// `/var/lib/callwaiting-dev/<hash of the path>`. The server's log is `postgres.log` beside the data.
    /// - Throws: `PostgresClusterError`, with the end of the server's log where there is one.
    public static func start(
        in directory: String, options: Options = Options(), logger: Logger
    ) async throws -> PostgresCluster {
        let account = try PostgresAccount.current()
        let data = try await PostgresDataDirectory.locate(for: directory, account: account)
        let binaries = try PostgresBinaries.find(version: try data.version)
        try await data.create(binaries: binaries, durable: options.durable)
        return try await start(data, binaries: binaries, options: options, logger: logger)
    }

    /// A throw-away cluster, all of it in one directory under /tmp that disappears with it. Fast rather than durable.
    public static func temporary(options: Options = .temporary, logger: Logger) async throws -> PostgresCluster {
        let account = try PostgresAccount.current()
        let sockets = try account.makeSocketDirectory()
        let data = PostgresDataDirectory(root: sockets, account: account)
        do {
            let binaries = try PostgresBinaries.find()
            try await data.create(binaries: binaries, durable: options.durable)
            return try await start(data, sockets: sockets, binaries: binaries, options: options, logger: logger)
        } catch {
            try Files.remove(sockets)
            throw error
        }
    }

    private static func start(
        _ data: PostgresDataDirectory, sockets: String? = nil, binaries: PostgresBinaries, options: Options,
        logger: Logger
    ) async throws -> PostgresCluster {
        try await data.endPredecessor(within: options.stopTimeout)
        let sockets = try sockets ?? data.account.makeSocketDirectory()
        let process = try PostgresProcess.launch(
            binaries: binaries, data: data, sockets: sockets, settings: options.allSettings)
        guard try await process.isReady(before: .now + options.startTimeout) else {
            let log = data.endOfLog
            try Files.remove(sockets)
            throw PostgresClusterError("Postgres did not start:\n\(log)")
        }
        let cluster = PostgresCluster(
            data: data.path, sockets: sockets, process: process, options: options, logger: logger)
        try await cluster.makeSureOfDatabase()
        return cluster
    }

    private func makeSureOfDatabase() async throws {
        let connection = try await PlainConnection(
            url(database: "postgres"), connectTimeout: options.startTimeout, logger: logger)
        let known = try await connection.query(
            Statement("select from pg_database where datname = $1", [Self.databaseName]))
        if known.isEmpty { try await connection.execute("create database \(Self.databaseName)") }
        await connection.close()
    }

    /// True until Postgres has ended, for whatever reason.
    public var isRunning: Bool { process.isRunning }

    /// How Postgres ended, once it has, for whatever reason.
    public var ended: Termination { get async { await process.ended } }

    /// The file that Postgres writes its log to.
    public var log: String { process.log }

    /// Stops Postgres and returns when it has ended and the socket directory is gone. A second call does nothing.
    public func stop() async throws {
        try await process.stop(within: options.stopTimeout)
        try Files.remove(socketDirectory)
    }

    /// Removes what `start(in:)` made for this directory, wherever it put it. Nothing may be running there.
    public static func remove(_ directory: String, logger: Logger) async throws {
        let account = try PostgresAccount.current()
        let data = try await PostgresDataDirectory.locate(for: directory, account: account)
        try await data.endPredecessor(within: Options().stopTimeout)
        try Files.remove(data.root)
    }

    /// Waits, also in a task that has been cancelled: stopping must not be cut short by that.
    static func pause(_ duration: Duration) async {
        await Task { try? await Task.sleep(for: duration) }.value
    }
}

extension PostgresCluster.Options {
    public static var temporary: Self {
        var options = Self()
        options.durable = false
        return options
    }

    /// What the server is told on its command line.
    var allSettings: [String: String] {
        var all = [
            "listen_addresses": "", "log_timezone": "UTC", "timezone": "UTC", "shared_buffers": "64MB",
            "unix_socket_permissions": "0700",
        ]
        if !durable { all.merge(["fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"]) { $1 } }
        return all.merging(settings) { $1 }
    }
}

/// Why a cluster could not be made or started, in words for the person at the terminal.
public struct PostgresClusterError: Error, CustomStringConvertible {
    public let description: String

    init(_ description: String) {
        self.description = description
    }
}
