import FoundationEssentials
import FunctionCore
import FunctionJSON
import FunctionTesting
import Testing

// As README.md shows it.
/// POST /api/greet: says good day.
struct Greet: JSONFunction {
    static let name: FunctionName = "greet"
    static let routes = [Route.post("/api/greet", caller: .anyone)]

    struct Input: Decodable { let name: String }
    struct Output: Encodable { let greeting: String }

    func respond(to input: Input, from caller: Anyone, in context: Context) async throws -> Reply<Output> {
        .ok(Output(greeting: "Good day, \(input.name)"))
    }
}

@Suite struct ReadmeFunctionTests {
    @Test func theFunctionInTheReadmeWorksAsItStandsThere() async throws {
        let client = TestClient(Application.test(Greet(), authenticator: FailingAuthenticator()))
        let response = try await client.post("/api/greet", json: #"{"name":"Ada"}"#)
        #expect(response.text == #"{"greeting":"Good day, Ada"}"#)
        #expect(try await client.post("/api/greet", json: "{}").problemCode == "validation_failed")

        let here = #filePath
        let source = try text(of: here)
        let readme = try text(of: here.replacing("Tests/Runtime/JSON/ReadmeFunctionTests.swift", with: "README.md"))
        let block = try #require(readme.split(separator: "```swift\n").last?.split(separator: "```").first)
        #expect(source.contains(block))
        #expect(block.split(separator: "\n").count < 15)
    }

    private func text(of path: String) throws -> String {
        String(decoding: try #require(FileManager.default.contents(atPath: path)), as: UTF8.self)
    }
}
