import CGIHost
import FunctionCore
import FunctionTesting
import HTTPTypes
import Synchronization

/// Standard input in memory. Reading past the end is the end of input, as from a closed pipe.
final class MemoryInput: CGIInput {
    private let rest: Mutex<[UInt8]>
    private let pieceSize: Int

    init(_ bytes: [UInt8] = [], pieceSize: Int = .max) {
        rest = Mutex(bytes)
        self.pieceSize = pieceSize
    }

    var unread: Int { rest.withLock { $0.count } }

    func read(upTo count: Int, deadline: ContinuousClock.Instant) async throws(CGITransferError) -> [UInt8] {
        rest.withLock { rest in
            let piece = Array(rest.prefix(min(count, pieceSize)))
            rest.removeFirst(piece.count)
            return piece
        }
    }
}

/// Standard output in memory, which breaks after `capacity` bytes.
final class MemoryOutput: CGIOutput {
    private let written = Mutex<[UInt8]>([])
    private let capacity: Int

    init(capacity: Int = .max) { self.capacity = capacity }

    var bytes: [UInt8] { written.withLock { $0 } }

    func write(_ bytes: [UInt8]) async throws(CGITransferError) {
        let fits = written.withLock { written in
            written += bytes
            return written.count <= capacity
        }
        if !fits { throw .closed }
    }
}

/// What a web server makes of a CGI program's output.
struct ParsedOutput {
    let status: String
    let fields: [String]
    let body: [UInt8]

    init(_ bytes: [UInt8]) {
        var lines: [String] = []
        var rest = bytes[...]
        while let end = rest.firstRange(of: [13, 10]) {
            let line = String(decoding: rest[..<end.lowerBound], as: UTF8.self)
            rest = rest[end.upperBound...]
            if line.isEmpty { break }
            lines.append(line)
        }
        status = lines.first { $0.hasPrefix("Status: ") }.map { String($0.dropFirst(8)) } ?? ""
        fields = lines
        body = Array(rest)
    }

    var text: String { String(decoding: body, as: UTF8.self) }

    func values(of name: String) -> [String] {
        fields.filter { $0.lowercased().hasPrefix(name.lowercased() + ": ") }.map {
            String($0.dropFirst(name.count + 2))
        }
    }
}

/// Answers with the body it was sent, backwards.
struct Reverse: Function {
    static let name: FunctionName = "reverse"
    static let routes = [
        Route.post("/api/reverse", caller: .anyone, limits: .init(body: 300_000)),
        .get("/api/reverse", caller: .anyone),
    ]

    func respond(to request: Request, in context: Context) async throws -> Response {
        Response(
            status: .ok, fields: [.contentType: "application/octet-stream"], body: .bytes(request.body.reversed()))
    }
}

/// Streams what it is told to.
struct Stream: Function {
    static let name: FunctionName = "stream"
    static let routes = [
        Route.get("/stream", caller: .anyone),
        Route.get("/hang", caller: .anyone, limits: .init(deadline: .milliseconds(50))),
        Route.get("/nothing", caller: .anyone),
    ]
    var length: Int?
    var pieces = ["one", "two", "three"]

    func respond(to request: Request, in context: Context) async throws -> Response {
        switch request.head.target.path {
        case "/hang":
            try await Task.sleep(for: .seconds(60))
            return .text("late")
        case "/nothing":
            return Response(status: .noContent)
        default:
            return Response(
                status: .ok, fields: [.contentType: "text/plain"],
                body: .stream(length: length) { [pieces] writer in
                    for piece in pieces { try await writer.write(Array(piece.utf8)) }
                })
        }
    }
}

/// Runs one request and returns what the web server would see.
func cgi(
    _ environment: [String: String], input: MemoryInput = MemoryInput(), output: MemoryOutput = MemoryOutput(),
    stream: Stream = Stream()
) async -> (output: ParsedOutput, complete: Bool) {
    let host = CGIHost(
        responder: Application.test(Reverse(), stream),
        environment: environment.map { ($0.key, $0.value) }, input: input, output: output)
    let complete = await host.run()
    return (ParsedOutput(output.bytes), complete)
}

func environment(_ method: String, _ target: String, _ others: [String: String] = [:]) -> [String: String] {
    [
        "GATEWAY_INTERFACE": "CGI/1.1", "SERVER_PROTOCOL": "HTTP/1.1", "REQUEST_METHOD": method, "REQUEST_URI": target,
        "SCRIPT_NAME": "/cgi-bin/callwaiting", "QUERY_STRING": "", "REMOTE_ADDR": "192.0.2.7",
    ].merging(others) { _, other in other }
}
