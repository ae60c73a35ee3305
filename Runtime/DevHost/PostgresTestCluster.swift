import Logging
import PostgresClient
import Synchronization

/// One throw-away cluster for a whole test process: started by the first test that asks, gone with the process.
///
///     let url = try await TestCluster.makeDatabase()
///     let migrated = try await TestCluster.makeDatabase(from: "migrated") { url in try await migrate(url) }
public enum TestCluster {
    private static let logger = Logger(label: "postgres-cluster") { _ in SwiftLogNoOpLogHandler() }
    private static let starting = Task { try await PostgresCluster.temporary(logger: logger) }
    private static let templates = Mutex<[String: Task<Void, any Error>]>([:])
    private static let made = Atomic(0)

    /// The cluster. Its superuser is `postgres`, without a password.
    public static var shared: PostgresCluster {
        get async throws { try await starting.value }
    }

    /// A fresh database, empty but for what `template1` has. Returns its URL, as superuser.
    public static func makeDatabase() async throws -> String {
        try await makeDatabase(copying: "template1")
    }

    /// A fresh copy of a template, which `prepare` fills the first time that its name is used in this process.
    /// - Parameter prepare: Gets the template's URL; must leave no connection open.
    public static func makeDatabase(
        from template: String, prepare: @escaping @Sendable (String) async throws -> Void
    ) async throws -> String {
        let cluster = try await shared
        let preparing = templates.withLock { templates in
            if let task = templates[template] { return task }
            let task = Task {
                try await create(template, copying: "template1", in: cluster)
                try await prepare(cluster.url(database: template))
            }
            templates[template] = task
            return task
        }
        try await preparing.value
        return try await makeDatabase(copying: template)
    }

    private static func makeDatabase(copying template: String) async throws -> String {
        let cluster = try await shared
        let name = "test_\(made.add(1, ordering: .relaxed).newValue)"
        try await create(name, copying: template, in: cluster)
        return cluster.url(database: name)
    }

    private static func create(_ name: String, copying template: String, in cluster: PostgresCluster) async throws {
        let connection = try await PlainConnection(
            cluster.url(database: "postgres"), connectTimeout: .seconds(30), logger: logger)
        try await connection.execute("create database \"\(name)\" template \"\(template)\"")
        await connection.close()
    }
}
