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
///
/// Reading one is inlined where the type is known: elsewhere Swift looks for the type's optional at every field.
public struct Row: Sendable {
    let result: QueryResult
    let index: Int

    /// - Throws: `.decoding` when there is no such column, when it is NULL, or when its text is not a `Value`.
    @inlinable
    public func decode<Value: PostgresDecodable>(
        _ column: String, as type: Value.Type = Value.self
    ) throws(DatabaseError) -> Value {
        guard let text = try text(of: column) else { throw undecodable(column, "is NULL") }
        guard let value = Value(postgresText: text) else { throw undecodable(column, "is not a \(type)") }
        return value
    }

    /// Nil when the column is NULL.
    /// - Throws: `.decoding` when there is no such column, or when its text is not a `Value`.
    @inlinable
    public func decodeIfPresent<Value: PostgresDecodable>(
        _ column: String, as type: Value.Type = Value.self
    ) throws(DatabaseError) -> Value? {
        guard let text = try text(of: column) else { return nil }
        guard let value = Value(postgresText: text) else { throw undecodable(column, "is not a \(type)") }
        return value
    }

    /// - Returns: nil for NULL.
    @usableFromInline
    func text(of column: String) throws(DatabaseError) -> String? {
        guard let position = result.column(column) else {
            throw DatabaseError(.decoding, "no column \(column) among \(result.columns)")
        }
        return result.text(row: index, column: position)
    }

    @usableFromInline
    func undecodable(_ column: String, _ problem: String) -> DatabaseError {
        DatabaseError(.decoding, "column \(column) \(problem)")
    }
}
