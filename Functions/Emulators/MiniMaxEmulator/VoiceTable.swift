/// How espeak-ng plays one of MiniMax's voices: no likeness, but each sounds different from every other.
struct EspeakVoice: Sendable, Hashable {
    /// A language and, after a plus, a variant: `en-us+f3`.
    var name: String
    /// 0–99.
    var pitch: Int
    /// Words a minute.
    var speed: Int

    /// MiniMax's system voices that are known to exist, spelled as MiniMax spells them (providers' voice list,
    /// platform.minimax.io/docs/faq/system-voice-id).
    static let byMiniMaxID: [String: EspeakVoice] = [
        "English_expressive_narrator": .init(name: "en-gb+m3", pitch: 42, speed: 165),
        "English_radiant_girl": .init(name: "en-us+f2", pitch: 70, speed: 180),
        "English_magnetic_voiced_man": .init(name: "en-us+m7", pitch: 30, speed: 160),
        "English_compelling_lady1": .init(name: "en-us+f1", pitch: 52, speed: 170),
        "English_Aussie_Bloke": .init(name: "en-gb+m5", pitch: 38, speed: 178),
        "English_captivating_female1": .init(name: "en-us+f4", pitch: 48, speed: 164),
        "English_Upbeat_Woman": .init(name: "en-us+f3", pitch: 66, speed: 186),
        "English_Trustworth_Man": .init(name: "en-us+m2", pitch: 36, speed: 165),
        "English_CalmWoman": .init(name: "en-gb+f4", pitch: 44, speed: 150),
        "English_Graceful_Lady": .init(name: "en-gb+f3", pitch: 54, speed: 160),
        "English_Insightful_Speaker": .init(name: "en-us+m4", pitch: 45, speed: 168),
        "English_Persuasive_Man": .init(name: "en-us+m6", pitch: 40, speed: 172),
        "English_Diligent_Man": .init(name: "en-us+m1", pitch: 46, speed: 174),
        "English_PatientMan": .init(name: "en-us+m3", pitch: 34, speed: 148),
        "English_ConfidentWoman": .init(name: "en-us+f5", pitch: 50, speed: 174),
        "English_SereneWoman": .init(name: "en-us+f2", pitch: 46, speed: 152),
        "English_Steadymentor": .init(name: "en-gb+m4", pitch: 32, speed: 156),
        "English_FriendlyPerson": .init(name: "en-us+m8", pitch: 58, speed: 176),
        "English_Gentle-voiced_man": .init(name: "en-gb+m1", pitch: 40, speed: 154),
        "English_Wiselady": .init(name: "en-gb+f5", pitch: 38, speed: 156),
        "English_WiseScholar": .init(name: "en-gb+m7", pitch: 44, speed: 158),
        "hindi_male_1_v2": .init(name: "hi+m3", pitch: 40, speed: 165),
        "hindi_female_1_v2": .init(name: "hi+f2", pitch: 55, speed: 165),
        "hindi_female_2_v1": .init(name: "hi+f4", pitch: 62, speed: 175),
        "voice_agent_Female_Phone_4": .init(name: "en-us+f1", pitch: 60, speed: 178),
        "voice_agent_Male_Phone_1": .init(name: "en-us+m5", pitch: 44, speed: 176),
        "voice_agent_Male_Phone_2": .init(name: "en-us+m6", pitch: 52, speed: 182),
        "Calm_Woman": .init(name: "en-us+f4", pitch: 40, speed: 150),
        "Wise_Woman": .init(name: "en-us+f5", pitch: 36, speed: 158),
        "Friendly_Person": .init(name: "en-us+m8", pitch: 50, speed: 170),
        "male-qn-qingse": .init(name: "en-us+m1", pitch: 62, speed: 180),
        "male-qn-jingying": .init(name: "en-us+m2", pitch: 50, speed: 178),
        "female-shaonv": .init(name: "en-us+f3", pitch: 78, speed: 182),
        "female-yujie": .init(name: "en-us+f2", pitch: 56, speed: 168),
        "female-chengshu": .init(name: "en-us+f5", pitch: 58, speed: 162),
        "female-tianmei": .init(name: "en-us+f1", pitch: 72, speed: 174),
    ]

    /// The same voice speaking Hindi, for text in Devanagari.
    var inHindi: EspeakVoice {
        var voice = self
        voice.name = "hi+" + (name.split(separator: "+").last ?? "m3")
        return voice
    }
}
