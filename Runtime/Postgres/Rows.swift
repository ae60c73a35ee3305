/// The rows that one statement returned, in the server's order. Empty for a command that returns none.
public struct Rows: RandomAccessCollection, Sendable {
    let result: QueryResult

    public var startIndex: Int { 0 }
    public var endIndex: Int { result.rowCount }
    public var columns: [String] { result.columns }

    /// Rows inserted, updated, deleted or selected, as the command's tag says; nil for other commands.
    public var affectedRows: Int? { result.affectedRows }

    public subscript(position: Int) -> Row {
        precondition(position >= 0 && position < endIndex, "row index out of range")
        return Row(result: result, index: position)
    }

    /// The one row that a statement was expected to return.
    /// - Throws: `.decoding` when there are none or several.
    public func one() throws(DatabaseError) -> Row {
        guard count == 1 else { throw DatabaseError(.decoding, "expected one row, got \(count)") }
        return self[0]
    }
}

/// One row. Fields are read by column name; where two columns share a name, the first is meant.
public struct Row: Sendable {
    let result: QueryResult
    let index: Int

    /// - Throws: `.decoding` when there is no such column, when it is NULL, or when its text is not a `Value`.
    public func decode<Value: PostgresDecodable>(
        _ column: String, as type: Value.Type = Value.self
    ) throws(DatabaseError) -> Value {
        guard let value = try decodeIfPresent(column, as: type) else {
            throw DatabaseError(.decoding, "column \(column) is NULL")
        }
        return value
    }

    /// Nil when the column is NULL.
    /// - Throws: `.decoding` when there is no such column, or when its text is not a `Value`.
    public func decodeIfPresent<Value: PostgresDecodable>(
        _ column: String, as type: Value.Type = Value.self
    ) throws(DatabaseError) -> Value? {
        guard let position = result.column(column) else {
            throw DatabaseError(.decoding, "no column \(column) among \(result.columns)")
        }
        guard let text = result.text(row: index, column: position) else { return nil }
        guard let value = Value(postgresText: text) else {
            throw DatabaseError(.decoding, "column \(column) is not a \(type)")
        }
        return value
    }
}
