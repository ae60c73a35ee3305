extension Setting {
    static let all = tables.flatMap { $0 }

    /// Each made when the program is built, and not put together when it starts: callwaiting-cgi looks through them for every
    /// request.
    static let tables = [server, database, identity, limits, audio, language, speech, payments, warmCGI]

    // MARK: Server

    static let publicURL = Setting(
        "PUBLIC_URL", .server,
        "This server's own base address, for webhook and audio URLs; never taken from a request.",
        example: "https://voice.example.com", alias: "NEXT_PUBLIC_API_URL")
    static let appURL = Setting(
        "APP_URL", .server, "The web front end: the one origin that CORS admits, and where a checkout returns to.",
        example: "https://app.example.com", alias: "NEXT_PUBLIC_APP_URL")
    static let basePath = Setting(
        "BASE_PATH", .server, "What the web server puts before our paths, without a trailing slash.", fallback: "")
    static let requestDeadline = Setting(
        "REQUEST_DEADLINE", .server, "Seconds from a request's head to its answer.", fallback: "50")
    static let requestsInFlight = Setting(
        "REQUESTS_IN_FLIGHT", .server, "Requests answered at a time in one process; one more is 503.", fallback: "512")
    static let drainBudget = Setting(
        "DRAIN_BUDGET", .server, "Seconds that requests in flight get to finish after SIGTERM.", fallback: "60")
    static let drainDelay = Setting(
        "DRAIN_DELAY", .server,
        "Seconds after SIGTERM in which /readyz says 503 and everything else is served, for balancers that ask.",
        fallback: "0")
    static let eventLoops = Setting(
        "EVENT_LOOPS", .server,
        "Threads that do I/O and run functions; 0 is one for each core that the process may use, at most 4, and one alone "
            + "for what callwaiting-cgi starts.",
        fallback: "0")
    static let trustedProxies = Setting(
        "TRUSTED_PROXIES", .server,
        "Whose X-Forwarded-For is believed: addresses, networks or `unix`, separated by commas, such as 10.0.0.0/8.",
        fallback: "")
    static let logLevel = Setting(
        "LOG_LEVEL", .server, "Least severe line logged: trace, debug, info, notice, warning, error or critical.",
        fallback: "info")
    static let slowRequest = Setting(
        "SLOW_REQUEST", .server, "Seconds after which a request that still runs is logged as slow; 0 for never.",
        fallback: "10")
    static let accessLog = Setting(
        "ACCESS_LOG", .server, "File that gets a line for each request, or - for standard output; empty for none.",
        fallback: "", example: "/var/log/callwaiting/access.log")
    static let accessLogFormat = Setting(
        "ACCESS_LOG_FORMAT", .server, "combined or json: how those lines are written.", fallback: "combined")
    static let adminSocket = Setting(
        "ADMIN_SOCKET", .server,
        "Where the status page is: the path of a Unix socket, or HOST:PORT on the loopback interface; empty for nowhere.",
        fallback: "", example: "/run/callwaiting/admin.sock")
    static let webServerConfig = Setting(
        "WEB_SERVER_CONFIG", .server, "The web server's file with its time-outs, which `check` compares with ours.",
        example: "/etc/nginx/snippets/callwaiting.params")
    static let server = [
        publicURL, appURL, basePath, requestDeadline, requestsInFlight, drainBudget, drainDelay, eventLoops,
        trustedProxies, logLevel, slowRequest, accessLog, accessLogFormat, adminSocket, webServerConfig,
    ]

    // MARK: Database

    static let databaseURL = Setting(
        "DATABASE_URL", .database,
        "Where and as whom serving processes log in: the role `callwaiting`, never an owner.",
        example: "postgresql://callwaiting@/callwaiting?host=/run/postgresql", isSecret: true)
    static let databaseAdminURL = Setting(
        "DATABASE_ADMIN_URL", .database,
        "As whom `migrate` logs in: the role `callwaiting_owner`, or `postgres` on Supabase. Serving processes never read it.",
        example: "postgresql://callwaiting_owner@/callwaiting?host=/run/postgresql", isSecret: true)
    static let databasePoolSize = Setting(
        "DATABASE_POOL_SIZE", .database,
        "Connections a process, each pipelining many transactions; a further one is used when those at work do not keep up.",
        fallback: "2")
    static let databaseDurablePoolSize = Setting(
        "DATABASE_DURABLE_POOL_SIZE", .database,
        "Connections a process for what waits for the disk: charges, and holds given back. 0: those of `DATABASE_POOL_SIZE`.",
        fallback: "8")
    static let databaseSlowPoolSize = Setting(
        "DATABASE_SLOW_POOL_SIZE", .database, "Connections a process for what is slow by nature, such as bcrypt.",
        fallback: "1")
    static let databaseQueue = Setting(
        "DATABASE_QUEUE", .database,
        "Transactions that may wait for a connection; one more is 503. No fewer than `REQUESTS_IN_FLIGHT`, or a pause of the "
            + "database fails what could have waited.", fallback: "1024")
    static let databaseTimeout = Setting(
        "DATABASE_TIMEOUT", .database, "Milliseconds that one statement may take.", fallback: "5000")
    static let databaseConnectTimeout = Setting(
        "DATABASE_CONNECT_TIMEOUT", .database, "Seconds that connecting may take.", fallback: "3")
    static let databasePrepared = Setting(
        "DATABASE_PREPARED", .database,
        "on, off or auto: whether statements are prepared. Auto is off behind a pooler; on suits PgBouncer from 1.21 on.",
        fallback: "auto")
    static let databaseBatch = Setting(
        "DATABASE_BATCH", .database,
        "on or off: whether transactions share a pipeline. Off for Supabase's transaction pooler.",
        fallback: "on")
    static let sqlDirectory = Setting(
        "CALLWAITING_SQL_DIR", .database, "Where `migrate` finds its SQL, unless `--sql` says so.",
        example: "/usr/local/share/callwaiting/sql")
    static let database = [
        databaseURL, databaseAdminURL, databasePoolSize, databaseDurablePoolSize, databaseSlowPoolSize, databaseQueue,
        databaseTimeout, databaseConnectTimeout, databasePrepared, databaseBatch, sqlDirectory,
    ]

    // MARK: Who is calling

    static let supabaseURL = Setting(
        "SUPABASE_URL", .identity, "The Supabase project whose users these are. Unset, we sign people in ourselves.",
        example: "https://abcdefghijkl.supabase.co", alias: "NEXT_PUBLIC_SUPABASE_URL")
    static let jwtSecret = Setting(
        "SUPABASE_JWT_SECRET", .identity,
        "The HS256 secret of access tokens, at least 32 bytes. Without Supabase it is ours.",
        example: "(openssl rand -hex 32)", isSecret: true)
    static let jwtLeeway = Setting(
        "JWT_LEEWAY", .identity, "Seconds by which clocks may differ when a token's times are checked.", fallback: "10")
    static let accessTokenLifetime = Setting(
        "ACCESS_TOKEN_LIFETIME", .identity, "Seconds that an access token of ours is good for.", fallback: "3600")
    static let refreshReuseInterval = Setting(
        "REFRESH_REUSE_INTERVAL", .identity, "Seconds in which a used refresh token may come again, for lost answers.",
        fallback: "10")
    static let signUp = Setting(
        "SIGN_UP", .identity, "open or closed: whether strangers may sign up. Open confirms an e-mail at once.",
        fallback: "closed")
    static let bcryptCost = Setting(
        "BCRYPT_COST", .identity, "The work of hashing a password, as a power of two, 4 to 15.", fallback: "10")
    static let trialMinutes = Setting(
        "TRIAL_MINUTES", .identity, "Minutes that come with a new workspace, once per e-mail. `migrate` stores it.",
        fallback: "60")
    static let identity = [
        supabaseURL, jwtSecret, jwtLeeway, accessTokenLifetime, refreshReuseInterval, signUp, bcryptCost, trialMinutes,
    ]

    // MARK: How much at a time

    static let agentRate = Setting(
        "RATE_LIMIT_AGENT", .limits,
        "Messages a minute with one agent's key, all of them at once if need be; 0 for no limit, as for all of these.",
        fallback: "120")
    static let agentAtOnce = Setting(
        "AGENT_CALLS_AT_ONCE", .limits, "Replies of one agent that are made at a time; 0 for no limit.", fallback: "20")
    static let speechRate = Setting(
        "RATE_LIMIT_SPEECH", .limits, "Texts that one person has spoken a minute.", fallback: "30")
    static let managementRate = Setting(
        "RATE_LIMIT_AGENTS", .limits, "Agents that one person creates a minute, and new keys for them as often.",
        fallback: "10")
    static let paymentRate = Setting(
        "RATE_LIMIT_PAYMENTS", .limits, "Payment links that one person asks for a minute.", fallback: "6")
    static let signUpRate = Setting(
        "RATE_LIMIT_SIGN_UP", .limits, "Sign-ups a minute from one address: an IPv4 address, or a /64 of IPv6.",
        fallback: "10")
    static let signInRate = Setting(
        "RATE_LIMIT_SIGN_IN", .limits, "Passwords tried a minute from one address.", fallback: "20")
    static let accountRate = Setting(
        "RATE_LIMIT_ACCOUNT", .limits, "Passwords tried a minute for one account, right or wrong, from wherever.",
        fallback: "10")
    static let refreshRate = Setting(
        "RATE_LIMIT_REFRESH", .limits, "Sessions continued a minute from one address.", fallback: "60")
    static let limits = [
        agentRate, agentAtOnce, speechRate, managementRate, paymentRate, signUpRate, signInRate, accountRate,
        refreshRate,
    ]

    // MARK: Recordings

    static let audioDirectory = Setting(
        "AUDIO_DIRECTORY", .audio, "Where recordings are kept; must exist and be writable.",
        example: "/var/lib/callwaiting/audio")
    static let audioSigningKey = Setting(
        "AUDIO_SIGNING_KEY", .audio,
        "Signs audio URLs, at least 32 bytes. Several, separated by commas: the first signs, all verify.",
        example: "(openssl rand -hex 32)", isSecret: true)
    static let audioLifetime = Setting(
        "AUDIO_TTL", .audio, "Seconds that a recording and its URL live.", fallback: "86400")
    static let messageRetention = Setting(
        "MESSAGE_RETENTION", .audio, "Days that the messages of a conversation are kept.", fallback: "30")
    static let audio = [audioDirectory, audioSigningKey, audioLifetime, messageRetention]

    // MARK: Language model

    static let openAIBaseURL = Setting(
        "OPENAI_BASE_URL", .language, "The base URL of an OpenAI-compatible server.",
        fallback: "https://api.openai.com/v1")
    static let openAIKey = Setting(
        "OPENAI_API_KEY", .language, "Its key; any text for servers that do not ask.", example: "sk-…", isSecret: true)
    static let openAIModel = Setting("OPENAI_MODEL", .language, "The model's name there.", fallback: "gpt-4o-mini")
    static let openAITokenField = Setting(
        "OPENAI_TOKEN_LIMIT_FIELD", .language,
        "How the server calls the reply's token limit: max_completion_tokens, or max_tokens for older ones.",
        fallback: "max_completion_tokens")
    static let replyCharacters = Setting(
        "REPLY_CHARACTERS", .language, "Characters that a reply has at most; it is cut at the end of a sentence.",
        fallback: "600")
    static let historyMessages = Setting(
        "HISTORY_MESSAGES", .language, "Messages of a conversation that are sent along at most.", fallback: "20")
    static let language = [
        openAIBaseURL, openAIKey, openAIModel, openAITokenField, replyCharacters, historyMessages,
    ]

    // MARK: Speech

    static let miniMaxBaseURL = Setting(
        "MINIMAX_BASE_URL", .speech, "MiniMax's base URL; keys belong to a region.", fallback: "https://api.minimax.io")
    static let miniMaxKey = Setting("MINIMAX_API_KEY", .speech, "MiniMax's key.", example: "eyJ…", isSecret: true)
    static let miniMaxGroup = Setting(
        "MINIMAX_GROUP_ID", .speech, "The group, for keys of the older hosts.", example: "")
    static let miniMaxModel = Setting("MINIMAX_MODEL", .speech, "The speech model.", fallback: "speech-2.8-turbo")
    static let speech = [miniMaxBaseURL, miniMaxKey, miniMaxGroup, miniMaxModel]

    // MARK: Payments

    static let flutterwaveBaseURL = Setting(
        "FLUTTERWAVE_BASE_URL", .payments, "Flutterwave's v3 base URL, for test and live alike.",
        fallback: "https://api.flutterwave.com/v3")
    static let flutterwaveKey = Setting(
        "FLUTTERWAVE_SECRET_KEY", .payments, "Flutterwave's secret key; it decides between test and live.",
        example: "FLWSECK-…", isSecret: true)
    static let flutterwaveHash = Setting(
        "FLUTTERWAVE_WEBHOOK_SECRET_HASH", .payments,
        "The secret hash set in Flutterwave's dashboard. Unset, the webhook answers 503.",
        example: "(a long random text)",
        isSecret: true)
    static let planCurrency = Setting(
        "PLAN_CURRENCY", .payments, "ISO 4217 code of the amounts below.", fallback: "NGN")
    static let basicAmount = Setting(
        "BASIC_PLAN_AMOUNT", .payments, "500 minutes, in minor units: 2900 is ₦29.00.", example: "2900")
    static let proAmount = Setting("PRO_PLAN_AMOUNT", .payments, "5,000 minutes, in minor units.", example: "19900")
    static let enterpriseAmount = Setting(
        "ENTERPRISE_PLAN_AMOUNT", .payments, "50,000 minutes, in minor units.", example: "99900")
    static let payments = [
        flutterwaveBaseURL, flutterwaveKey, flutterwaveHash, planCurrency, basicAmount, proAmount, enterpriseAmount,
    ]

    // MARK: Warm CGI

    static let residentIdleTime = Setting(
        "RESIDENT_IDLE_TIME", .warmCGI, "Seconds without a request after which a resident server leaves.",
        fallback: "300")
    static let residentDirectory = Setting(
        "CALLWAITING_RESIDENT_DIRECTORY", .warmCGI,
        "Where resident servers' sockets and log are: a directory of the user's own, mode 700. Read from the environment "
            + "only; unset, `$XDG_RUNTIME_DIR/callwaiting-cgi`, else `/tmp/callwaiting-cgi-<uid>`.",
        example: "/home/me/.callwaiting-cgi")
    static let executable = Setting(
        "CALLWAITING_EXECUTABLE", .warmCGI,
        "The program `callwaiting`, where it is not beside `callwaiting-cgi`. Read from the environment only.",
        example: "/usr/local/bin/callwaiting")
    static let warmCGI = [residentIdleTime, residentDirectory, executable]
}
