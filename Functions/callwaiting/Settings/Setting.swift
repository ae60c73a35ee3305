/// One setting: its name, what it means and what it is when nobody says. `.env.example` and docs/configuration.md are
/// printed from this table (`callwaiting settings`), and `check` knows every name by it.
struct Setting: Sendable, Hashable {
    let name: String
    let group: Group
    /// One sentence, with the unit.
    let meaning: String
    /// What it is when it is not set; nil where there is no sensible value.
    let fallback: String?
    /// What `.env.example` shows where there is no fallback.
    let example: String
    /// Printed as `<redacted>` wherever settings are shown.
    let isSecret: Bool
    /// Another spelling that is accepted, `NEXT_PUBLIC_…`.
    let alias: String?

    enum Group: String, CaseIterable, Sendable {
        case server = "Server"
        case database = "Database"
        case identity = "Who is calling"
        case limits = "How much at a time"
        case audio = "Recordings"
        case language = "Language model"
        case speech = "Speech"
        case payments = "Payments"
        case warmCGI = "Warm CGI"
    }

    init(
        _ name: String, _ group: Group, _ meaning: String, fallback: String? = nil, example: String = "",
        isSecret: Bool = false, alias: String? = nil
    ) {
        self.name = name
        self.group = group
        self.meaning = meaning
        self.fallback = fallback
        self.example = example
        self.isSecret = isSecret
        self.alias = alias
    }

    /// The variable that names the file of settings.
    static let fileVariable = "CALLWAITING_ENV_FILE"
    /// What the name of a setting is followed by where it names a file with the value.
    static let fileSuffix = "_FILE"
    /// Names a directory of such files: a service manager's credentials.
    static let credentialsVariable = "CREDENTIALS_DIRECTORY"
    /// The first of these that exists is the file, unless ``fileVariable`` names one.
    static let defaultFiles = ["/etc/callwaiting/callwaiting.env", ".env"]

    /// What `.env` may hold for other programs' sake and we do not read.
    static let ignored = [
        "SUPABASE_SERVICE_ROLE_KEY", "FLUTTERWAVE_PUBLIC_KEY", "NEXT_PUBLIC_SUPABASE_ANON_KEY", "SUPABASE_ANON_KEY",
        "NEXT_PUBLIC_FLUTTERWAVE_PUBLIC_KEY",
    ]
}
