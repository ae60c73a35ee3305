import Problems
import SignIn

/// How much one caller may ask for; counted in the database, so the same over all processes.
struct LimitSettings: Sendable {
    let agent: RateLimit
    /// Replies of one agent at a time; 0 is no limit.
    let agentCallsAtOnce: Int
    let speech: RateLimit
    let agents: RateLimit
    let payments: RateLimit
    let signIn: SignIn.Limits

    /// What a limit may be. Beyond this the time between two requests is less than the clock tells.
    private static let range = 0...1_000_000

    init(from reader: inout SettingsReader) {
        agent = Self.limit("agent", .agentRate, &reader)
        agentCallsAtOnce = reader.integer(.agentAtOnce, in: Self.range)
        speech = Self.limit("speech", .speechRate, &reader)
        agents = Self.limit("agents", .managementRate, &reader)
        payments = Self.limit("payments", .paymentRate, &reader)
        signIn = SignIn.Limits(
            signUp: Self.limit("sign-up", .signUpRate, &reader), signIn: Self.limit("sign-in", .signInRate, &reader),
            account: Self.limit("account", .accountRate, &reader), refresh: Self.limit("refresh", .refreshRate, &reader)
        )
    }

    private static func limit(_ name: String, _ setting: Setting, _ reader: inout SettingsReader) -> RateLimit {
        RateLimit(name, perMinute: reader.integer(setting, in: range))
    }
}
