import AudioStore
import Callers
import FunctionCore
import Logging
import PostgresClient
import Problems
import Voice

/// Takes speech that was made under a reservation to its caller: stored, settled, and behind a signed URL.
///
/// The order is what makes it exact. Speech is stored before it is charged, charged before it is delivered, and what is
/// not delivered is not charged.
public final class MeteredDelivery: Sendable {
    private let meter: Meter
    private let store: any AudioStore
    private let signer: AudioSigner
    private let lifetime: Duration

    /// - Parameter lifetime: how long a recording and its URL live.
    public init(meter: Meter, store: any AudioStore, signer: AudioSigner, lifetime: Duration) {
        self.meter = meter
        self.store = store
        self.signer = signer
        self.lifetime = lifetime
    }

    /// A recording that has been paid for.
    public struct Recording: Sendable {
        public let url: String
        /// Seconds.
        public let duration: Double
        public let receipt: Receipt

        fileprivate init(_ link: AudioLink, milliseconds: Int, receipt: Receipt, in context: Context) {
            url = context.url(link.path)
            duration = Double(milliseconds) / 1_000
            self.receipt = receipt
        }
    }

    /// Runs `make`. When it throws nothing was made, and the hold is released.
    public func making<Made>(
        under reservation: Reservation, in context: Context, _ make: () async throws -> Made
    ) async throws -> Made {
        do {
            return try await make()
        } catch {
            await meter.release(reservation, in: context)
            throw error
        }
    }

    /// Stores and settles `speech`. The caller's leaving stops none of it: what was made is charged, once.
    ///
    /// - Throws: ``Problem`` 503 when it could not be stored, with the hold released, or not settled, in which case the
    ///   hold expires. Neither charges.
    public func deliver(
        _ speech: Speech, under reservation: Reservation, as kind: Usage.Kind,
        exchange: Usage.MessageExchange? = nil, in context: Context
    ) async throws -> Recording {
        try await shielded { [self] in
            let id = try await stored(speech, under: reservation, in: context)
            // A recording outlives the key under which it can be asked for again.
            let link = signer.link(
                to: id, lifetime: reservation.isKeyed ? max(lifetime, IdempotencyKey.lifetime) : lifetime)
            let usage = Usage(
                kind: kind, milliseconds: speech.milliseconds,
                audio: .init(id: id.bytes, byteCount: speech.byteCount, expires: link.expires), exchange: exchange)
            do {
                let receipt = try await meter.settle(reservation, usage, in: context)
                return Recording(link, milliseconds: speech.milliseconds, receipt: receipt, in: context)
            } catch {
                // Not charged, so nobody may hear it. Where that is unknown, hold and recording go when their time comes.
                if (error as? DatabaseError)?.outcomeUnknown != true {
                    await remove(id, in: context)
                    await meter.release(reservation, in: context)
                }
                throw error
            }
        }
    }

    /// A recording that was paid for before, its URL signed anew: the key that signed the first one may be gone.
    public func again(_ reply: StoredReply, in context: Context) -> Recording {
        Recording(
            signer.link(to: reply.audio, expires: reply.audioExpires), milliseconds: reply.milliseconds,
            receipt: reply.receipt, in: context)
    }

    private func stored(_ speech: Speech, under reservation: Reservation, in context: Context) async throws -> AudioID {
        let id = AudioID.random()
        do {
            let audio = speech.audio
            assert(audio.count == speech.byteCount, "speech that has been let go of")
            try await store.store(audio, as: id)
            speech.letGo()
            return id
        } catch {
            await meter.release(reservation, in: context)
            throw error
        }
    }

    private func remove(_ id: AudioID, in context: Context) async {
        do {
            try await store.delete(id)
        } catch {
            context.logger.warning("recording not removed", metadata: ["cause": "\(error)"])
        }
    }
}

extension AudioStoreError: ProblemConvertible {
    public var problem: Problem { Problem(.storageUnavailable, cause: self) }
}
