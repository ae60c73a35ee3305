import DevHost
import FoundationEssentials
import FunctionCore
import HTTPTypes

/// The main job, step by step, through the public API and the emulated checkout alone.
struct Demo {
    let api: API
    let addresses: DevelopmentHost.Addresses
    /// Where the recording goes.
    let directory: String
    let script: DemoScript

    /// The file's real length may differ from the one we were told by this much, in seconds.
    static let durationTolerance = 0.3
    /// From paying until the payment is active.
    static let paymentLimit = Duration.seconds(20)

    /// - Throws: ``Broken``, or what a call threw, when a step does not hold.
    func run() async throws {
        let token = try await signUp()
        let agent = try await createAgent(token)
        let reply = try await ask(agent)
        try await saveAndMeasure(reply)
        try await useUpTrial(token)
        try await reachLimit(token, agent)
        let reference = try await pay(token)
        try await waitForPayment(token, reference)
        try await goOn(agent)
        try await report(token)
    }

    /// A step that did not hold.
    struct Broken: Error, CustomStringConvertible {
        let description: String
    }

    func check(_ holds: Bool, _ what: @autoclosure () -> String) throws {
        if !holds { throw Broken(description: what()) }
    }

    private func signUp() async throws -> String {
        let email = "someone-\([UInt8].random(count: 4).hex)@callwaiting.test"
        let step = script.begin("sign up as \(email)")
        let session = try await api.signUp(email: email, password: [UInt8].random(count: 12).hex)
        let report = try await usage(session.accessToken)
        try check(report.plan == "trial" && report.minutesQuota == 60, "the trial is not 60 minutes: \(report)")
        try check(report.secondsRemaining == 3_600, "not all of the trial is left: \(report)")
        step.end("plan \(report.plan), \(report.minutesQuota) minutes")
        return session.accessToken
    }

    private func createAgent(_ token: String) async throws -> API.Agent {
        let sample = SampleAgent()
        let step = script.begin("create the agent \(sample.name)")
        let agent = try await api.createAgent(sample, token: token)
        try check(
            agent.webhookUrl == "\(api.url)/api/agent/\(agent.agentId)/webhook", "webhookUrl is \(agent.webhookUrl)")
        try check(agent.apiKey.hasPrefix("agt_") && agent.apiKey.count == 36, "the key is not agt_ and 32 digits")
        step.end("webhook \(agent.webhookUrl), key agt_…\(agent.apiKey.suffix(4))")
        return agent
    }

    private func ask(_ agent: API.Agent) async throws -> API.AgentReply {
        let sample = SampleAgent()
        let step = script.begin("ask it: \(sample.question)")
        let reply: API.AgentReply = try await api.call(
            .post, "/api/agent/\(agent.agentId)/webhook", as: .agent(key: agent.apiKey), ["message": sample.question])
        try check(
            reply.replyText.contains(sample.answer), "the reply does not say \(sample.answer): \(reply.replyText)")
        try check(
            reply.usage.secondsCharged == Int(reply.duration.rounded(.up)),
            "charged \(reply.usage.secondsCharged) s for \(reply.duration) s")
        step.end("\"\(reply.replyText)\"")
        return reply
    }

    private func saveAndMeasure(_ reply: API.AgentReply) async throws {
        let path = "\(directory)/reply.mp3"
        let step = script.begin("hear the reply, saved as \(path)")
        let answer = try await api.send(.get, reply.audioUrl)
        try check(answer.status == .ok, "\(reply.audioUrl) answered \(answer.status.code)")
        try Files.write(answer.body, to: path, mode: 0o644)
        let seconds = try await Demo.length(of: path)
        try check(
            abs(seconds - reply.duration) <= Self.durationTolerance,
            "soxi measures \(seconds) s, the reply said \(reply.duration) s")
        step.end("\(answer.body.count) bytes, \(seconds) s of MP3 by soxi, \(reply.duration) s by the reply")
    }

    /// What `soxi` makes of the file, in seconds.
    private static func length(of path: String) async throws -> Double {
        let soxi = Command("/usr/bin/soxi", ["-D", path], environment: Command.plainEnvironment())
        let measured = try await soxi.output()
        let text = measured.text.filter { !$0.isWhitespace }
        guard measured.status.isSuccess, let seconds = Double(text) else {
            throw Broken(description: "soxi could not measure \(path): \(measured.text)")
        }
        return seconds
    }

    private func pay(_ token: String) async throws -> String {
        let step = script.begin("pay for the basic plan on the emulated checkout")
        let link: API.PaymentLink = try await api.call(
            .post, "/api/create-payment-link", as: .user(token: token), ["plan": "basic"])
        let page = try await api.send(.get, link.paymentLink)
        try check(page.status == .ok, "the checkout page answered \(page.status.code)")
        let paid = try await api.send(
            .post, link.paymentLink, type: "application/x-www-form-urlencoded", body: Array("action=pay".utf8))
        try check(
            paid.status == .ok || paid.status.kind == .redirection, "paying answered \(paid.status.code)")
        step.end("at \(link.paymentLink), reference \(link.txRef)")
        return link.txRef
    }

    private func waitForPayment(_ token: String, _ reference: String) async throws {
        let step = script.begin("wait until the payment is active")
        let end = ContinuousClock.now + Self.paymentLimit
        var payment: API.Payment
        repeat {
            try check(.now < end, "the payment is not active after \(Self.paymentLimit)")
            try await Task.sleep(for: .milliseconds(100))
            payment = try await api.call(
                .get, "/api/payment-status?txRef=\(reference)", as: .user(token: token))
        } while payment.status != "active"
        step.end("\(payment.minutes) more minutes, by the plan \(payment.plan)")
    }

    private func goOn(_ agent: API.Agent) async throws {
        let step = script.begin("ask the agent again, and be let in")
        let reply: API.AgentReply = try await api.call(
            .post, "/api/agent/\(agent.agentId)/webhook", as: .agent(key: agent.apiKey),
            ["message": "Are you open on Saturday?"])
        try check(reply.replyText.contains("10 am to 2 pm"), "the reply does not say 10 am to 2 pm: \(reply.replyText)")
        step.end("\"\(reply.replyText)\", \(reply.usage.secondsRemaining) s left")
    }

    private func report(_ token: String) async throws {
        let step = script.begin("read the usage report")
        let report = try await usage(token)
        try check(report.plan == "basic" && report.minutesQuota == 560, "not basic with 60 + 500 minutes: \(report)")
        try check(report.secondsReserved == 0, "something is still held: \(report)")
        try check(
            report.secondsUsed > 3_600 && report.secondsRemaining == 560 * 60 - report.secondsUsed,
            "the seconds do not add up: \(report)")
        step.end(
            "plan \(report.plan), \(report.minutesUsed) of \(report.minutesQuota) minutes used, "
                + "\(report.remaining) left (\(report.secondsUsed) s used, \(report.secondsRemaining) s left)")
    }

    func usage(_ token: String) async throws -> API.Report {
        try await api.call(.get, "/api/usage-report", as: .user(token: token))
    }
}
