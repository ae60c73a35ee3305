import AgentWebhook
import Agents
import AudioStore
import Callers
import CreateAgent
import CreatePaymentLink
import DeleteAgent
import FlutterwaveWebhook
import FunctionCore
import GenerateVoice
import Health
import ListAgents
import PaymentReturn
import PaymentStatus
import Payments
import Plans
import Providers
import RevokeAgentKey
import RotateAgentKey
import ServeAudio
import ShowAgent
import SignIn
import UpdateAgent
import UsageReport
import Voice

/// Every function that this program can serve.
enum Catalogue {
    static let entries: [FunctionEntry] = [
        createAgent, listAgents, showAgent, updateAgent, deleteAgent, rotateAgentKey, revokeAgentKey, generateVoice,
        usageReport, createPaymentLink, paymentStatus, paymentReturn, flutterwaveWebhook, agentWebhook, signIn,
        serveAudio, health,
    ]

    private static let createAgent = FunctionEntry(type: CreateAgent.self, role: "authenticated", settings: []) { _ in
        { CreateAgent(database: $0.database, limit: $0.server.limits.agents) }
    }

    private static let listAgents = managing(ListAgents.self) { agents, _ in ListAgents(agents: agents) }
    private static let showAgent = managing(ShowAgent.self) { agents, _ in ShowAgent(agents: agents) }
    private static let updateAgent = managing(UpdateAgent.self) { agents, _ in UpdateAgent(agents: agents) }
    private static let deleteAgent = managing(DeleteAgent.self) { agents, _ in DeleteAgent(agents: agents) }
    private static let revokeAgentKey = managing(RevokeAgentKey.self) { agents, _ in RevokeAgentKey(agents: agents) }
    private static let rotateAgentKey = managing(RotateAgentKey.self) { agents, limits in
        RotateAgentKey(agents: agents, limit: limits.agents)
    }

    /// A function that does something with the agents that there are.
    private static func managing(
        _ type: any Function.Type, _ make: @escaping @Sendable (AgentStore, LimitSettings) -> any Function
    ) -> FunctionEntry {
        FunctionEntry(type: type, role: "authenticated", settings: []) { _ in
            { services in make(AgentStore(database: services.database), services.server.limits) }
        }
    }

    private static let usageReport = FunctionEntry(type: UsageReport.self, role: "authenticated", settings: []) { _ in
        { UsageReport(database: $0.database) }
    }

    private static let paymentStatus = FunctionEntry(
        type: PaymentStatus.self, role: "authenticated", settings: []
    ) { _ in
        { PaymentStatus(database: $0.database) }
    }

    private static let paymentReturn = FunctionEntry(
        type: PaymentReturn.self, role: "callwaiting_payments", settings: []
    ) { _ in
        { PaymentReturn(database: $0.database) }
    }

    private static let health = FunctionEntry(type: Health.self, role: "anon", settings: []) { _ in
        { services in
            Health(database: services.database, isDraining: { services.draining.isOn })
        }
    }

    private static let generateVoice = FunctionEntry(
        type: GenerateVoice.self, role: "callwaiting_meter", settings: Setting.speech + Setting.audio
    ) { reader in
        let audio = AudioSettings(from: &reader)
        let speech = MiniMaxSpeech.Configuration(from: &reader)
        return { services in
            let model = MiniMaxSpeech(speech, client: services.web)
            return GenerateVoice(
                meter: services.meter, delivery: services.delivery(audio), speaker: Speaker(model: model))
        }
    }

    private static let agentWebhook = FunctionEntry(
        type: AgentWebhook.self, role: "callwaiting_agent, callwaiting_meter",
        settings: Setting.language + Setting.speech + Setting.audio
    ) { reader in
        let audio = AudioSettings(from: &reader)
        let speech = MiniMaxSpeech.Configuration(from: &reader)
        let language = OpenAIChat.Configuration(from: &reader)
        let characters = reader.integer(.replyCharacters, in: 40...5_000)
        let history = reader.integer(.historyMessages, in: 0...200)
        return { services in
            let replies = ReplyMaker(
                language: OpenAIChat(language, client: services.web),
                speaker: Speaker(model: MiniMaxSpeech(speech, client: services.web)),
                characterLimit: characters)
            return AgentWebhook(
                meter: services.meter, delivery: services.delivery(audio), replies: replies, historyLimit: history)
        }
    }

    private static let createPaymentLink = FunctionEntry(
        type: CreatePaymentLink.self, role: "callwaiting_payments", settings: Setting.payments + [.appURL]
    ) { reader in
        let flutterwave = Flutterwave.Configuration(from: &reader)
        let plans = PlanCatalogue(from: &reader)
        let appURL = reader.url(.appURL)
        return { services in
            CreatePaymentLink(
                book: PaymentBook(database: services.database, limit: services.server.limits.payments),
                flutterwave: Flutterwave(flutterwave, client: services.web), plans: plans,
                returnURL: appURL + "/payment")
        }
    }

    private static let flutterwaveWebhook = FunctionEntry(
        type: FlutterwaveWebhook.self, role: "callwaiting_payments", settings: Setting.payments
    ) { reader in
        let flutterwave = Flutterwave.Configuration(from: &reader)
        let secret = reader.optional(.flutterwaveHash).flatMap { WebhookSecret($0) }
        return { services in
            FlutterwaveWebhook(
                book: PaymentBook(database: services.database),
                flutterwave: Flutterwave(flutterwave, client: services.web), secret: secret)
        }
    }

    /// Not served where a Supabase project signs people in.
    private static let signIn = FunctionEntry(
        type: SignIn.self, role: "callwaiting_auth", settings: Setting.identity
    ) { reader in
        if reader.optional(.supabaseURL) != nil { return { _ in nil } }
        let secret = reader.secret(.jwtSecret, minimum: 32)
        let lifetime = reader.integer(.accessTokenLifetime, in: 60...604_800)
        let configuration = SignIn.Configuration(
            isOpen: reader.choice(.signUp, ["closed": false, "open": true]),
            bcryptCost: reader.integer(.bcryptCost, in: 4...15),
            refreshReuseSeconds: reader.integer(.refreshReuseInterval, in: 0...300))
        return { services in
            let issuer = await TokenIssuer(secret: secret, issuer: services.issuer, lifetime: lifetime)
            return SignIn(
                configuration, limits: services.server.limits.signIn, database: services.database, issuer: issuer)
        }
    }

    private static let serveAudio = FunctionEntry(
        type: ServeAudio.self, role: "callwaiting_agent", settings: Setting.audio
    ) { reader in
        let audio = AudioSettings(from: &reader)
        return { services in
            ServeAudio(store: audio.store, signer: audio.signer, database: services.database)
        }
    }
}
