import FoundationEssentials
import HTTPTypes

extension Demo {
    /// Longest text that generate-voice takes, in characters.
    static let longestText = 10_000
    /// Speech made at a time: one for each of two cores.
    static let voices = 2
    /// A text of this many characters for each second that is left is longer than a second, whichever the voice.
    static let charactersPerSecond = 40

    /// Has speech made until not a second of the trial is left: real calls, real MP3, nothing touched in the database.
    func useUpTrial(_ token: String) async throws {
        let step = script.begin("use up the trial by having speech made")
        var made = 0
        while true {
            let left = try await usage(token).secondsRemaining
            if left == 0 { break }
            made += try await withThrowingTaskGroup(of: Bool.self) { group in
                let text = Self.text(lasting: left)
                for _ in 0..<(left > 1_200 ? Self.voices : 1) {
                    group.addTask { try await speak(text, token) }
                }
                return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
        }
        let report = try await usage(token)
        try check(
            report.secondsUsed == 3_600 && report.secondsReserved == 0, "the trial is not used up whole: \(report)")
        step.end("\(made) recordings, \(report.secondsUsed) s charged, none left")
    }

    /// - Returns: false when the other voice holds what is left.
    private func speak(_ text: String, _ token: String) async throws -> Bool {
        let answer = try await api.post(
            "/api/generate-voice", as: .user(token: token), ["text": text, "voiceId": "warm_m"])
        if answer.status.code == 402, answer.code == "quota_exceeded" { return false }
        guard answer.status == .ok else {
            throw API.Refused(
                call: "POST /api/generate-voice", status: answer.status.code,
                body: String(decoding: answer.body.prefix(500), as: UTF8.self))
        }
        let voice: API.Voice = try answer.decoded()
        let usage = voice.usage
        script.note("\(voice.duration) s made, \(usage.secondsCharged) s charged, \(usage.secondsRemaining) s left")
        return true
    }

    /// Sentences that last at least `seconds`, or as many as fit.
    private static func text(lasting seconds: Int) -> String {
        let sentence = "Thank you for waiting. Somebody will be with you as soon as the line is free. "
        let length = min(longestText, seconds * charactersPerSecond + sentence.count)
        return String(String(repeating: sentence, count: length / sentence.count + 1).prefix(length))
    }

    /// One call more, by each way in, is refused before any provider hears of it.
    func reachLimit(_ token: String, _ agent: API.Agent) async throws {
        let step = script.begin("be refused: the limit is reached")
        let before = try await providerRequests()
        let spoken = try await api.post(
            "/api/generate-voice", as: .user(token: token), ["text": "One more.", "voiceId": "warm_m"])
        let asked = try await api.post(
            "/api/agent/\(agent.agentId)/webhook", as: .agent(key: agent.apiKey), ["message": "Are you open?"])
        for answer in [spoken, asked] {
            try check(
                answer.status.code == 402 && answer.code == "quota_exceeded",
                "expected 402 quota_exceeded, not \(answer.status.code) \(answer.code ?? "without a code")")
        }
        let after = try await providerRequests()
        try check(before == after, "a provider was called: \(before) requests before, \(after) after")
        step.end("402 quota_exceeded, twice; no provider was called (\(after) requests before and after)")
    }

    /// Requests that the emulated language and speech models have had so far, as they counted them.
    private func providerRequests() async throws -> Int {
        let answer = try await api.send(.get, addresses.emulators.control)
        let counts: [String: Count] = try answer.decoded()
        return counts.values.reduce(0) { $0 + $1.requests }
    }

    private struct Count: Decodable {
        let requests: Int
    }
}
