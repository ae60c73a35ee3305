import AudioStore
import Plans
import Providers

/// Where recordings are kept and how their URLs are signed.
struct AudioSettings: Sendable {
    let store: any AudioStore
    let signer: AudioSigner
    let lifetime: Duration

    init(from reader: inout SettingsReader) {
        store = DirectoryAudioStore(directory: reader.required(.audioDirectory))
        lifetime = .seconds(reader.integer(.audioLifetime, in: 60...31_536_000))
        let keys = reader.required(.audioSigningKey)
        if let signer = AudioSigner(keys: keys) {
            self.signer = signer
        } else {
            if !keys.isEmpty {
                reader.report(.audioSigningKey, "has a key shorter than \(AudioSigner.minimumKeyLength) bytes")
            }
            signer = .placeholder
        }
    }
}

extension AudioSigner {
    /// Stands for one whose keys are not good, until that has been reported; never signs anything.
    fileprivate static var placeholder: AudioSigner {
        AudioSigner(keys: String(repeating: "-", count: minimumKeyLength))!
    }
}

extension OpenAIChat.Configuration {
    init(from reader: inout SettingsReader) {
        self.init(
            baseURL: reader.url(.openAIBaseURL), key: APIKey(reader.required(.openAIKey)),
            model: reader.required(.openAIModel), tokenLimitField: reader.required(.openAITokenField))
    }
}

extension MiniMaxSpeech.Configuration {
    init(from reader: inout SettingsReader) {
        self.init(
            baseURL: reader.url(.miniMaxBaseURL), key: APIKey(reader.required(.miniMaxKey)),
            groupID: reader.optional(.miniMaxGroup), model: reader.required(.miniMaxModel))
    }
}

extension Flutterwave.Configuration {
    init(from reader: inout SettingsReader) {
        self.init(baseURL: reader.url(.flutterwaveBaseURL), key: APIKey(reader.required(.flutterwaveKey)))
    }
}

extension PlanCatalogue {
    init(from reader: inout SettingsReader) {
        let code = reader.required(.planCurrency)
        if Currency(code) == nil { reader.report(.planCurrency, "is not a currency code that we know") }
        let range = 1...1_000_000_000_000
        self.init(
            currency: Currency(code) ?? .naira, basic: reader.integer(.basicAmount, in: range),
            pro: reader.integer(.proAmount, in: range), enterprise: reader.integer(.enterpriseAmount, in: range))
    }
}
