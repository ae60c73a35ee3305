/// Measures MP3 files by walking from frame to frame (ISO/IEC 11172-3 §2.4, ISO/IEC 13818-3 for the lower rates).
enum MP3 {
    /// - Returns: the length of all frames together; nil unless `bytes` begin with one, an ID3v2 tag before it aside.
    ///   A last frame that is not whole does not count.
    static func milliseconds(of bytes: [UInt8]) -> Int? {
        var position = tagLength(bytes)
        var samples = 0
        var rate: Int?
        while let frame = Frame(bytes, at: position) {
            // Two rates in one file mean that this is no MP3 but happens to look like one.
            guard rate == nil || rate == frame.sampleRate else { return nil }
            rate = frame.sampleRate
            position += frame.length
            guard position <= bytes.count else { break }
            samples += frame.samples
        }
        guard let rate, samples > 0 else { return nil }
        return (samples * 1_000 + rate / 2) / rate
    }

    /// The length of an ID3v2 tag at the beginning: ten bytes, and what their last four say, seven bits in each.
    private static func tagLength(_ bytes: [UInt8]) -> Int {
        guard bytes.count >= 10, bytes.starts(with: Array("ID3".utf8)), bytes[6..<10].allSatisfy({ $0 < 0x80 }) else {
            return 0
        }
        return 10 + bytes[6..<10].reduce(0) { $0 << 7 | Int($1) }
    }

    /// A frame of layer III.
    private struct Frame {
        let samples: Int
        let sampleRate: Int
        /// In bytes, header included.
        let length: Int

        init?(_ bytes: [UInt8], at position: Int) {
            guard position + 4 <= bytes.count, bytes[position] == 0xFF, bytes[position + 1] & 0xE0 == 0xE0 else {
                return nil
            }
            let version = bytes[position + 1] >> 3 & 3
            let layer = bytes[position + 1] >> 1 & 3
            let bitrate = Int(bytes[position + 2] >> 4)
            let rate = Int(bytes[position + 2] >> 2 & 3)
            let padding = Int(bytes[position + 2] >> 1 & 1)
            guard version != 1, layer == 1, (1...14).contains(bitrate), rate != 3 else { return nil }
            let isVersion1 = version == 3
            samples = isVersion1 ? 1_152 : 576
            // 44.1, 48 and 32 kHz; half of that in version 2, a quarter in 2.5.
            sampleRate = [44_100, 48_000, 32_000][rate] >> (isVersion1 ? 0 : version == 2 ? 1 : 2)
            let kilobits =
                isVersion1
                ? [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320][bitrate]
                : [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160][bitrate]
            length = samples / 8 * kilobits * 1_000 / sampleRate + padding
        }
    }
}
