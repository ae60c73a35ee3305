import AudioStore
import Callers
import FunctionCore
import HTTPTypes
import PostgresClient
import Problems

/// GET /audio/{id}.mp3?expires=&signature=: a recording, to whoever was given its signed URL.
///
/// The signature is looked at before anything else: without a good one every request is the same 403, whether there is
/// such a recording or not. The database is asked only about a recording that is no longer there.
public struct ServeAudio: Function {
    public static let name: FunctionName = "serve-audio"
    public static let routes = [Route.get("/audio/{id}.mp3", caller: .anyone)]

    private let store: any AudioStore
    private let signer: AudioSigner
    private let database: Database

    public init(store: any AudioStore, signer: AudioSigner, database: Database) {
        self.store = store
        self.signer = signer
        self.database = database
    }

    public func respond(to request: Request, in context: Context) async throws -> Response {
        guard let text = request.parameters["id"], let id = AudioID(text),
            signer.verifies(id, expires: request.query["expires"], signature: request.query["signature"])
        else { throw Problem(.invalidAudioLink) }
        guard let audio = try await store.open(id) else { throw try await absence(of: id, in: context) }
        return try Self.response(audio, id, range: request.fields[.range], ifRange: request.fields[.ifRange])
    }

    private static func response(
        _ audio: any StoredAudio, _ id: AudioID, range: String?, ifRange: String?
    ) throws(Problem) -> Response {
        let length = audio.byteCount
        let tag = "\"\(id)\""
        var fields: HTTPFields = [
            .contentType: "audio/mpeg", .acceptRanges: "bytes", .eTag: tag,
            // Only for whoever holds the URL: a shared cache would outlive the recording.
            .cacheControl: "private, max-age=3600, immutable", .contentDisposition: "inline; filename=\"reply.mp3\"",
        ]
        switch ByteRange(ifRange == nil || ifRange == tag ? range : nil, length: length) {
        case .whole:
            return Response(status: .ok, fields: fields, body: body(audio, 0..<length))
        case .part(let first, let last):
            fields[.contentRange] = "bytes \(first)-\(last)/\(length)"
            return Response(status: .partialContent, fields: fields, body: body(audio, first..<(last + 1)))
        case .unsatisfiable:
            throw Problem(.rangeNotSatisfiable, fields: [.contentRange: "bytes */\(length)"])
        }
    }

    private static func body(_ audio: any StoredAudio, _ range: Range<Int>) -> Response.Body {
        .stream(length: range.count) { writer in
            try await audio.read(range) { try await writer.write($0) }
        }
    }

    private func absence(of id: AudioID, in context: Context) async throws -> Problem {
        let row = try await database.row(
            "select outcome from private.audio_state($1::bytea)", [id.bytes], as: .agent, in: context)
        return Problem(try row.decode("outcome", as: String.self) == "not_found" ? .notFound : .audioGone)
    }
}
