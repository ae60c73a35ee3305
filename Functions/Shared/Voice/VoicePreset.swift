/// A voice that an agent can have, under a name of ours, so that a provider can be changed without changing agents.
public enum VoicePreset: String, Sendable, Hashable, Codable, CaseIterable {
    case professionalFemale = "professional_f"
    case professionalMale = "professional_m"
    case softFemale = "soft_f"
    case warmMale = "warm_m"

    /// The voice's id at MiniMax, from its list of system voices
    /// (platform.minimax.io/docs/faq/system-voice-id). The spelling is theirs.
    public var miniMaxID: String {
        switch self {
        case .professionalFemale: "English_compelling_lady1"
        case .professionalMale: "English_Trustworth_Man"
        case .softFemale: "English_SereneWoman"
        case .warmMale: "English_Gentle-voiced_man"
        }
    }
}
