import DevHost
import FoundationEssentials
import HTTPTypes
import Logging
import WebClient

/// The server from outside: JSON over HTTP, as any caller's program would speak to it.
final class API: Sendable {
    let url: String
    private let client = WebClient(logger: Logger(label: "api") { _ in SwiftLogNoOpLogHandler() })

    init(url: String) { self.url = url }

    func close() async { await client.shutdown() }

    struct Answer: Sendable {
        let status: HTTPResponse.Status
        let body: [UInt8]

        func decoded<Value: Decodable>(as type: Value.Type = Value.self) throws -> Value {
            try JSONDecoder().decode(type, from: Data(body))
        }

        /// The problem's code, or GoTrue's.
        var code: String? {
            let problem = try? decoded(as: ProblemBody.self)
            return problem?.errorCode ?? problem?.code
        }
    }

    private struct ProblemBody: Decodable {
        let code: String?
        let errorCode: String?

        enum CodingKeys: String, CodingKey {
            case code
            case errorCode = "error_code"
        }

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            // GoTrue's `code` is a number.
            code = try? container.decode(String.self, forKey: .code)
            errorCode = try container.decodeIfPresent(String.self, forKey: .errorCode)
        }
    }

    /// Who is calling.
    enum Caller {
        case nobody
        case user(token: String)
        case agent(key: String)
    }

    /// - Parameter path: below the server's address, or an absolute URL.
    func send(
        _ method: HTTPRequest.Method, _ path: String, as caller: Caller = .nobody, type: String = "application/json",
        body: [UInt8]? = nil, limit: Duration = .seconds(60)
    ) async throws -> Answer {
        var fields: HTTPFields = [:]
        if body != nil { fields[.contentType] = type }
        switch caller {
        case .nobody: break
        case .user(let token): fields[.authorization] = "Bearer \(token)"
        case .agent(let key): fields[.agentKey] = key
        }
        let request = WebRequest(
            method: method, url: path.hasPrefix("/") ? url + path : path, fields: fields, body: body,
            deadline: .now + limit, responseLimit: 64 * 1_048_576)
        let response = try await client.send(request)
        return Answer(status: response.status, body: response.body)
    }

    func post(_ path: String, as caller: Caller = .nobody, _ body: some Encodable) async throws -> Answer {
        try await send(.post, path, as: caller, body: [UInt8](try JSONEncoder().encode(body)))
    }

    /// A call that is to succeed.
    ///
    /// - Throws: ``Refused`` for any other status.
    func call<Reply: Decodable>(
        _ method: HTTPRequest.Method = .post, _ path: String, as caller: Caller = .nobody,
        _ body: [String: String]? = nil, expecting status: HTTPResponse.Status = .ok
    ) async throws -> Reply {
        let bytes = try body.map { [UInt8](try JSONEncoder().encode($0)) }
        let answer = try await send(method, path, as: caller, body: bytes)
        guard answer.status == status else {
            throw Refused(
                call: "\(method.rawValue) \(path)", status: answer.status.code,
                body: String(decoding: answer.body.prefix(500), as: UTF8.self))
        }
        return try answer.decoded()
    }

    struct Refused: Error, CustomStringConvertible {
        let call: String
        let status: Int
        let body: String
        var description: String { "\(call) answered \(status): \(body)" }
    }
}

extension HTTPField.Name {
    static let agentKey = Self("X-AGENT-KEY")!
}
