import AudioStore
import Callers
import Logging
import PostgresClient

/// Frees holds whose process has died, and deletes recordings and messages whose time is over.
struct CleaningJobs: Sendable {
    let database: Database
    let store: any AudioStore
    /// How long a recording lives.
    let audioLifetime: Duration
    let retentionDays: Int
    let logger: Logger

    /// Recordings claimed at a look.
    private static let batch = 200
    private static let patience = Duration.seconds(20)

    var jobs: [Worker.Job] {
        [
            .init(name: "expired-holds") { try await count("select private.expire_reservations() as count", []) },
            .init(name: "old-recordings", run: deleteAudio),
            // Twice the lifetime and a day: also what was signed before that setting was shortened has expired by then.
            .init(name: "leftover-recordings") {
                try await store.deleteLeftovers(olderThan: audioLifetime * 2 + .seconds(86_400))
            },
            .init(name: "old-idempotency-keys") {
                try await count("select private.purge_idempotency_keys() as count", [])
            },
            .init(name: "old-holds") { try await count("select private.purge_reservations() as count", []) },
            .init(name: "old-payment-events") { try await count("select private.purge_payment_events() as count", []) },
            .init(name: "old-messages") {
                try await count("select private.purge_messages($1::int) as count", [retentionDays])
            },
            .init(name: "full-buckets") { try await count("select private.purge_rate_limits() as count", []) },
        ]
    }

    /// The file first, then the row: a crash in between deletes an already deleted file at the next look.
    private func deleteAudio() async throws -> Int {
        let rows = try await query(
            "select audio_id from private.claim_expired_audio($1::int)", [Self.batch])
        for row in rows {
            let bytes = try row.decode("audio_id", as: [UInt8].self)
            guard let id = AudioID(bytes: bytes) else { continue }
            do {
                try await store.delete(id)
                _ = try await query("select private.audio_deleted($1::bytea)", [bytes])
            } catch {
                // The claim runs out by itself; the others behind it are not kept waiting.
                logger.error("recording not deleted", metadata: ["cause": "\(error)"])
            }
        }
        return rows.count
    }

    private func count(_ sql: String, _ parameters: [(any PostgresBindable)?]) async throws -> Int {
        try await query(sql, parameters).one().decode("count", as: Int.self)
    }

    private func query(_ sql: String, _ parameters: [(any PostgresBindable)?]) async throws -> Rows {
        try await database.query(
            Statement(sql, parameters), as: .worker, lane: .slow, deadline: .now + Self.patience)
    }
}
