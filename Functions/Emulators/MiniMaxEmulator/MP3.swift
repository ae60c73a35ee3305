/// What can be read off an MP3's frame headers (ISO/IEC 11172-3 §2.4.2.3, 13818-3 for the low sample rates).
struct MP3: Sendable, Hashable {
    /// Samples per channel.
    var samples = 0
    /// Hertz, of the first frame.
    var sampleRate = 0
    /// Bits a second, of the first frame.
    var bitrate = 0

    /// Playing time, the encoder's padding included, as players and `soxi -D` count it.
    var milliseconds: Int { sampleRate == 0 ? 0 : (samples * 1_000 + sampleRate / 2) / sampleRate }

    /// Walks over the frames of a layer III stream without tags; stops at the first thing that is no frame.
    init(reading bytes: [UInt8]) {
        var position = 0
        while position + 4 <= bytes.count, let frame = Frame(bytes[position], bytes[position + 1], bytes[position + 2])
        {
            if samples == 0 { (sampleRate, bitrate) = (frame.sampleRate, frame.bitrate) }
            samples += frame.samples
            position += frame.length
        }
    }

    private struct Frame {
        var samples: Int
        var sampleRate: Int
        var bitrate: Int
        var length: Int

        init?(_ first: UInt8, _ second: UInt8, _ third: UInt8) {
            let layerIII: UInt8 = 0b01
            guard first == 0xFF, second & 0xE0 == 0xE0, (second >> 1) & 3 == layerIII else { return nil }
            let version = Int(second >> 3) & 3
            let rateIndex = Int(third >> 2) & 3
            let bitrateIndex = Int(third >> 4)
            guard version != 1, rateIndex < 3, (1...14).contains(bitrateIndex) else { return nil }
            let isMPEG1 = version == 3
            sampleRate = [44_100, 48_000, 32_000][rateIndex] / (isMPEG1 ? 1 : version == 2 ? 2 : 4)
            bitrate = (isMPEG1 ? Self.bitrates1 : Self.bitrates2)[bitrateIndex - 1] * 1_000
            samples = isMPEG1 ? 1_152 : 576
            length = samples / 8 * bitrate / sampleRate + Int(third >> 1) & 1
        }

        private static let bitrates1 = [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320]
        private static let bitrates2 = [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160]
    }
}
