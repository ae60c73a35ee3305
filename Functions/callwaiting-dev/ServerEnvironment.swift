import DevHost

/// The settings of the server, the worker and `migrate`, as an operator would write them into the environment.
struct ServerEnvironment {
    let url: String
    let emulators: DevFile.Emulators
    let keys: Keys
    let audioDirectory: String
    let settingsFile: String
    let databaseURL: String
    let databaseAdminURL: String
    /// Settings that the person starting the host chose.
    let overrides: [String: String]

    /// For `callwaiting fastcgi` and `callwaiting worker`.
    var serving: [String: String] {
        common(["DATABASE_URL": databaseURL])
    }

    /// For `callwaiting migrate`: the one process that knows the owner's login.
    var migrating: [String: String] {
        common(["DATABASE_ADMIN_URL": databaseAdminURL])
    }

    /// Whoever develops asks more often than a caller would, and always from the same address.
    private static let noLimits = Dictionary(
        uniqueKeysWithValues: [
            "RATE_LIMIT_AGENT", "AGENT_CALLS_AT_ONCE", "RATE_LIMIT_SPEECH", "RATE_LIMIT_AGENTS", "RATE_LIMIT_PAYMENTS",
            "RATE_LIMIT_SIGN_UP", "RATE_LIMIT_SIGN_IN", "RATE_LIMIT_ACCOUNT", "RATE_LIMIT_REFRESH",
        ].map { ($0, "0") })

    private func common(_ database: [String: String]) -> [String: String] {
        let settings = [
            // An empty file, since otherwise a `.env` of another set-up in this directory would be read too.
            "CALLWAITING_ENV_FILE": settingsFile,
            "PUBLIC_URL": url, "APP_URL": url,
            "AUDIO_DIRECTORY": audioDirectory, "AUDIO_SIGNING_KEY": keys.audioSigning,
            "SIGN_UP": "open", "SUPABASE_JWT_SECRET": keys.tokens, "TRIAL_MINUTES": "60",
            "OPENAI_BASE_URL": emulators.openai, "OPENAI_API_KEY": keys.openAI,
            "MINIMAX_BASE_URL": emulators.minimax, "MINIMAX_API_KEY": keys.miniMax,
            "FLUTTERWAVE_BASE_URL": emulators.flutterwave, "FLUTTERWAVE_SECRET_KEY": keys.flutterwave,
            "FLUTTERWAVE_WEBHOOK_SECRET_HASH": keys.webhook,
            "PLAN_CURRENCY": "NGN", "BASIC_PLAN_AMOUNT": "2900", "PRO_PLAN_AMOUNT": "19900",
            "ENTERPRISE_PLAN_AMOUNT": "99900",
            "DRAIN_BUDGET": "10",
        ].merging(Self.noLimits) { $1 }
        return Command.plainEnvironment().merging(settings) { $1 }.merging(database) { $1 }.merging(overrides) { $1 }
    }
}
