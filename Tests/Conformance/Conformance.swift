import FunctionCore
import Glibc
import HTTPTypes
import Logging

enum Conformance {
    static let application = Application(
        [Describe(), Echo(), Bytes(), Answer(), Pieces(), Wait()], authenticator: NobodyAsks(),
        configuration: .init(publicURL: "http://conformance.example"), logger: Logger(label: "conformance"))

    private struct NobodyAsks: Authenticator {
        func caller(of request: Request, rule: CallerRule, in context: Context) async throws -> any Sendable {
            throw Problem(.internal)
        }
    }
}

/// The request as a function sees it: one `name=value` a line, the fields by their lower-case names.
private struct Describe: Function {
    static let name: FunctionName = "describe"
    static let routes =
        ["/", "/readyz", "/describe", "/describe/{hole}"].flatMap { (pattern: RoutePattern) -> [Route] in
            [.get(pattern, caller: .anyone), .post(pattern, caller: .anyone)]
        }

    func respond(to request: Request, in context: Context) async throws -> Response {
        var lines = [
            "method=\(request.method.rawValue)", "path=\(request.head.target.path)", "query=\(request.query.raw)",
            "client=\(request.head.clientAddress ?? "")", "body=\(request.body.count)",
            "proxy-environment=\(getenv("HTTP_PROXY") == nil ? "absent" : "present")",
        ]
        lines += request.parameters.map { "parameter \($0.key)=\($0.value)" }
        lines += request.fields.map { "field \($0.name.canonicalName)=\($0.value)" }
        return .text(lines.joined(separator: "\n"))
    }
}

/// The body back, up to a megabyte; `/echo/small` up to 1,000 bytes.
private struct Echo: Function {
    static let name: FunctionName = "echo"
    static let routes = [
        Route.post("/echo", caller: .anyone, limits: .init(body: 1_024 * 1_024)),
        .post("/echo/small", caller: .anyone, limits: .init(body: 1_000)),
    ]

    func respond(to request: Request, in context: Context) async throws -> Response {
        Response(status: .ok, fields: [.contentType: "application/octet-stream"], body: .bytes(request.body))
    }
}

/// `/bytes/N`: N bytes of every value, in one piece; `/bytes/N/streamed` in pieces, without saying how many.
private struct Bytes: Function {
    static let name: FunctionName = "bytes"
    static let routes = [
        Route.get("/bytes/{count}", caller: .anyone), .get("/bytes/{count}/streamed", caller: .anyone),
    ]

    func respond(to request: Request, in context: Context) async throws -> Response {
        let count = request.parameters["count"].flatMap { Int(strictDecimal: $0) } ?? 0
        // 251 is the largest prime below 256, so that no border of a record or buffer repeats itself.
        let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 % 251 + $0 / 251) }
        guard request.head.target.segments.count == 3 else {
            return Response(status: .ok, fields: [.contentType: "application/octet-stream"], body: .bytes(bytes))
        }
        let body = Response.Body.stream(length: nil) { writer in
            for start in stride(from: 0, to: count, by: 5_000) {
                try await writer.write(Array(bytes[start..<min(start + 5_000, count)]))
            }
        }
        return Response(status: .ok, fields: [.contentType: "application/octet-stream"], body: body)
    }
}

/// `/status/N`: that status, with a body where HTTP allows one; `/problem`: a problem.
private struct Answer: Function {
    static let name: FunctionName = "answer"
    static let routes = [Route.get("/status/{code}", caller: .anyone), .get("/problem", caller: .anyone)]

    func respond(to request: Request, in context: Context) async throws -> Response {
        guard let code = request.parameters["code"].flatMap({ Int(strictDecimal: $0) }), code < 1_000 else {
            throw Problem(.validationFailed, "As asked.")
        }
        var response = Response.text("status \(code)\n", status: .init(code: code))
        if !response.statusAllowsBody { response.body = .empty }
        if code == 304 { response.fields = [.eTag: "\"1\""] }
        if code == 302 { response.fields[.location] = "http://conformance.example/elsewhere" }
        return response
    }
}

/// `/pieces/NAME`: `begun`, and once the test has said to go on, ` ended`.
private struct Pieces: Function {
    static let name: FunctionName = "pieces"
    static let routes = [Route.get("/pieces/{name}", caller: .anyone)]

    func respond(to request: Request, in context: Context) async throws -> Response {
        let name = request.parameters["name"] ?? ""
        let body = Response.Body.stream(length: nil) { writer in
            try await writer.write(Array("begun".utf8))
            while !Signpost("\(name).go").isThere { try await Task.sleep(for: .milliseconds(5)) }
            try await writer.write(Array(" ended".utf8))
        }
        return Response(status: .ok, fields: [.contentType: "text/event-stream"], body: body)
    }
}

/// `/wait/NAME`: waits until it is cancelled, and says so when it begins and when it ends.
private struct Wait: Function {
    static let name: FunctionName = "wait"
    static let routes = [Route.get("/wait/{name}", caller: .anyone)]

    func respond(to request: Request, in context: Context) async throws -> Response {
        let name = request.parameters["name"] ?? ""
        Signpost("\(name).waiting").put()
        do {
            try await Task.sleep(for: .seconds(30))
        } catch {
            Signpost("\(name).cancelled").put()
            throw error
        }
        return .text("slept")
    }
}

/// An empty file by which this process and a test tell each other something.
private struct Signpost {
    private let path: String

    init(_ name: String) {
        path = (getenv("CONFORMANCE_DIRECTORY").map { String(cString: $0) } ?? "/nonexistent") + "/" + name
    }

    var isThere: Bool { access(path, F_OK) == 0 }

    func put() {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o666)
        if descriptor >= 0 { close(descriptor) }
    }
}
