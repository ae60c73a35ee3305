import CPostgres
import Glibc

/// Owns one PGresult, and frees it when the last `Rows` or `Row` that looks into it is gone.
///
/// `@unchecked Sendable`: a PGresult is read-only once libpq has returned it, and "can be passed around freely between
/// threads" (PostgreSQL documentation, "Behavior in Threaded Programs"); the pointer never changes and `PQclear` runs
/// once, in `deinit`, when no other reference exists.
final class QueryResult: @unchecked Sendable {
    private let pointer: OpaquePointer
    let rowCount: Int

    /// Takes ownership of `pointer`.
    init(owning pointer: OpaquePointer) {
        self.pointer = pointer
        rowCount = Int(PQntuples(pointer))
    }

    deinit {
        PQclear(pointer)
    }

    var status: ExecStatusType { PQresultStatus(pointer) }

    var columns: [String] {
        (0..<PQnfields(pointer)).map { index in PQfname(pointer, index).map { String(cString: $0) } ?? "" }
    }

    /// The first column of this name.
    func column(_ name: String) -> Int? {
        name.withCString { name in
            (0..<PQnfields(pointer)).first { index in PQfname(pointer, index).map { strcmp($0, name) == 0 } ?? false }
        }.map(Int.init)
    }

    /// Rows inserted, updated, deleted or selected; nil for other commands.
    var affectedRows: Int? { PQcmdTuples(pointer).flatMap { Int(String(cString: $0)) } }

    /// The text of one field, nil for NULL.
    func text(row: Int, column: Int) -> String? {
        let row = Int32(row)
        let column = Int32(column)
        guard PQgetisnull(pointer, row, column) == 0, let value = PQgetvalue(pointer, row, column) else { return nil }
        let length = Int(PQgetlength(pointer, row, column))
        return value.withMemoryRebound(to: UInt8.self, capacity: length) { bytes in
            String(decoding: UnsafeBufferPointer(start: bytes, count: length), as: UTF8.self)
        }
    }

    /// The error that this result carries, when its status says so.
    func error(sql: String?) -> DatabaseError {
        let message = field(CPOSTGRES_DIAG_MESSAGE) ?? PQresultErrorMessage(pointer).map { String(cString: $0) } ?? ""
        let error: DatabaseError
        if let code = field(CPOSTGRES_DIAG_SQLSTATE) {
            error = DatabaseError(.sqlState(SQLState(rawValue: code)), message)
        } else {
            // Made by libpq, not by the server: it could not go on talking.
            error = DatabaseError(.unavailable(.connectionLost), message)
        }
        return error.with {
            $0.severity = field(CPOSTGRES_DIAG_SEVERITY)
            $0.constraint = field(CPOSTGRES_DIAG_CONSTRAINT)
            $0.table = field(CPOSTGRES_DIAG_TABLE)
            $0.detail = field(CPOSTGRES_DIAG_DETAIL)
            $0.hint = field(CPOSTGRES_DIAG_HINT)
            $0.sql = sql
        }
    }

    private func field(_ code: Int32) -> String? {
        PQresultErrorField(pointer, code).map { String(cString: $0) }
    }
}
