import Agents
import Callers
import FunctionCore
import FunctionJSON

/// GET /api/agents: a workspace's agents, newest first, page by page.
public struct ListAgents: JSONFunction {
    public static let name: FunctionName = "list-agents"
    public static let routes = [Route.get("/api/agents", caller: .user)]

    private let agents: AgentStore

    public init(agents: AgentStore) { self.agents = agents }

    public struct Input: Decodable, Sendable {
        /// 50 unless said.
        let limit: PageSize?
        /// `next` of the page before.
        let after: AgentID?
    }

    public struct Output: Encodable, Sendable {
        let agents: [AgentRecord]
        /// For `after`, when there are more; nil on the last page.
        let next: String?
    }

    public func respond(to input: Input, from user: User, in context: Context) async throws -> Reply<Output> {
        let (page, more) = try await agents.list(
            for: user, after: input.after, count: input.limit?.rawValue ?? 50, in: context)
        return .ok(Output(agents: page, next: more ? page.last?.agentId : nil))
    }
}

/// How many agents a page has at most: 1 to 100.
struct PageSize: Validated {
    let rawValue: Int
    init(_ accepted: Accepted<Int>) { rawValue = accepted.value }

    static func check(_ count: Int) throws(Problem.Violation) -> Int {
        guard (1...100).contains(count) else { throw Problem.Violation("must be 1 to 100") }
        return count
    }
}
