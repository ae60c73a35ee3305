import Callers
import FunctionCore
import PostgresClient
import Problems

/// GET /healthz: the process answers. GET /readyz: so does its database, it has been migrated, and it is not about to
/// end.
public struct Health: Function {
    public static let name: FunctionName = "health"
    public static let routes = [
        Route.get("/healthz", caller: .anyone),
        Route.get("/readyz", caller: .anyone, limits: .init(deadline: .seconds(5))),
    ]

    private let database: Database

    private let isDraining: @Sendable () -> Bool

    /// - Parameter isDraining: whether the process has been told to stop.
    public init(database: Database, isDraining: @escaping @Sendable () -> Bool = { false }) {
        self.database = database
        self.isDraining = isDraining
    }

    public func respond(to request: Request, in context: Context) async throws -> Response {
        if request.head.target.path == "/readyz" {
            guard !isDraining() else { throw Problem(.stopping) }
            guard try await isReady(in: context) else {
                throw Problem(.databaseUnavailable, "It has not been migrated.")
            }
        }
        return Response(
            status: .ok, fields: [.contentType: "application/json"], body: .bytes(Array(#"{"status":"ok"}"#.utf8)))
    }

    private func isReady(in context: Context) async throws -> Bool {
        do {
            return try await database.row("select ok from private.health()", as: .anon, in: context)
                .decode("ok", as: Bool.self)
        } catch let error as DatabaseError
            where error.sqlState == .undefinedFunction || error.sqlState == .invalidSchemaName
        {
            return false
        }
    }
}
