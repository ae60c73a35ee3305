/// What the server answers, as far as the host and its demo look at it.
extension API {
    struct Session: Decodable, Sendable {
        let accessToken: String
        enum CodingKeys: String, CodingKey { case accessToken = "access_token" }
    }

    struct Agent: Decodable, Sendable {
        let agentId: String
        let apiKey: String
        let webhookUrl: String
    }

    struct Usage: Decodable, Sendable {
        let secondsCharged: Int
        let secondsReserved: Int
        let secondsRemaining: Int
    }

    struct AgentReply: Decodable, Sendable {
        let replyText: String
        let audioUrl: String
        let duration: Double
        let usage: Usage
    }

    struct Voice: Decodable, Sendable {
        let audioUrl: String
        let duration: Double
        let usage: Usage
    }

    struct Report: Decodable, Sendable {
        let plan: String
        let minutesUsed: Int
        let minutesQuota: Int
        let remaining: Int
        let secondsUsed: Int
        let secondsReserved: Int
        let secondsRemaining: Int
    }

    struct PaymentLink: Decodable, Sendable {
        let paymentLink: String
        let txRef: String
    }

    struct Payment: Decodable, Sendable {
        let status: String
        let plan: String
        let minutes: Int
    }

    func signUp(email: String, password: String) async throws -> Session {
        try await call(.post, "/auth/v1/signup", ["email": email, "password": password])
    }

    func signIn(email: String, password: String) async throws -> Session {
        try await call(.post, "/auth/v1/token?grant_type=password", ["email": email, "password": password])
    }

    func createAgent(_ agent: SampleAgent, token: String) async throws -> Agent {
        let body = ["name": agent.name, "systemPrompt": agent.systemPrompt, "voiceId": agent.voice]
        return try await call(.post, "/api/create-agent", as: .user(token: token), body, expecting: .created)
    }
}

/// The agent that seed and demo create.
struct SampleAgent {
    let name = "Reception"
    let voice = "professional_f"
    let systemPrompt = """
        You are the receptionist of Harmattan Dental in Lagos. Be brief and friendly. \
        Our business hours are 9 am to 6 pm, Monday to Friday. \
        On Saturday we are open from 10 am to 2 pm, and on Sunday we are closed. \
        A check-up costs 15,000 naira. The clinic is on the second floor of 12 Marina Road. \
        Appointments can be moved until one day before, by calling this number.
        """
    let question = "What are your business hours?"
    /// What a right answer to the question says.
    let answer = "9 am to 6 pm"
}
