import FunctionCore
import Subprocess

/// Makes speech: text through espeak-ng to PCM, PCM through lame to MP3. Neither is given a shell or a file.
struct Synthesizer: Sendable {
    /// How long one program may take.
    static let timeout = Duration.seconds(60)
    /// espeak-ng's own rate for its built-in voices, in hertz.
    static let sourceRate = 22_050
    /// Bytes of PCM: one hour.
    static let maximumPCM = sourceRate * 2 * 3_600
    /// Bytes.
    static let maximumMP3 = 64 * 1_024 * 1_024
    /// Pauses `<#0.5#>` that one text may hold.
    static let maximumPauses = 50

    /// - Throws: ``MiniMaxError``; `CancellationError` when the caller left.
    ///
    /// Never where its caller runs: an hour of PCM takes its time.
    @concurrent func speak(_ request: SpeechRequest) async throws -> [UInt8] {
        guard let voice = EspeakVoice.byMiniMaxID[request.voiceID] else { throw MiniMaxError(2054) }
        var pcm: [UInt8] = []
        for part in try SpeechPart.split(request.text) {
            switch part {
            case .words(let text): pcm += try await pcmOf(text, voice, request)
            case .pause(let milliseconds): pcm += Self.silence(milliseconds: milliseconds)
            }
            guard pcm.count <= Self.maximumPCM else { throw MiniMaxError.invalid("the speech is too long") }
        }
        // lame makes nothing of nothing; text without a speakable character is a short silence.
        if pcm.isEmpty { pcm = Self.silence(milliseconds: 100) }
        return try await mp3(of: pcm, request)
    }

    private static func silence(milliseconds: Int) -> [UInt8] {
        [UInt8](repeating: 0, count: sourceRate * milliseconds / 1_000 * 2)
    }

    private func pcmOf(_ text: String, _ voice: EspeakVoice, _ request: SpeechRequest) async throws -> [UInt8] {
        let isHindi = text.unicodeScalars.contains { (0x0900...0x097F).contains($0.value) }
        let voice = isHindi ? voice.inHindi : voice
        let pitch = min(99, max(0, voice.pitch + request.pitch * 4))
        let speed = Int((Double(voice.speed) * request.speed).rounded())
        let amplitude = min(200, Int((100 * request.volume).rounded()))
        let wav = try await run(
            "espeak-ng",
            [
                "-v", voice.name, "-p", "\(pitch)", "-s", "\(speed)", "-a", "\(amplitude)", "-b", "1", "--stdin",
                "--stdout",
            ], input: Array(text.utf8), limit: Self.maximumPCM + Self.wavHeader)
        return Array(wav.dropFirst(Self.wavHeader))
    }

    /// Bytes before the samples. espeak-ng cannot know the length when it writes to a pipe, so the header is of no use.
    private static let wavHeader = 44

    private func mp3(of pcm: [UInt8], _ request: SpeechRequest) async throws -> [UInt8] {
        let input = request.channels == 2 ? Self.doubled(pcm) : pcm
        return try await run(
            "lame",
            [
                // -t: no information frame, which would count as one frame of sound.
                "--quiet", "-t", "-q", "9", "-r", "-s", "\(Double(Self.sourceRate) / 1_000)", "--bitwidth", "16",
                "-m", request.channels == 2 ? "j" : "m", "--cbr", "-b", "\(request.bitrate / 1_000)",
                "--resample", "\(Double(request.sampleRate) / 1_000)", "-", "-",
            ], input: input, limit: Self.maximumMP3)
    }

    /// Every sample of one channel, twice.
    private static func doubled(_ pcm: [UInt8]) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(pcm.count * 2)
        for index in stride(from: 0, to: pcm.count - 1, by: 2) {
            out += [pcm[index], pcm[index + 1], pcm[index], pcm[index + 1]]
        }
        return out
    }

    private func run(_ program: String, _ arguments: [String], input: [UInt8], limit: Int) async throws -> [UInt8] {
        try await withThrowingTaskGroup(of: [UInt8]?.self) { group in
            group.addTask {
                let result = try await Subprocess.run(
                    .name(program), arguments: Arguments(arguments), input: .array(input), output: .bytes(limit: limit),
                    error: .discarded)
                guard result.terminationStatus.isSuccess else {
                    throw MiniMaxError(1024, "\(program) ended with \(result.terminationStatus)")
                }
                return result.standardOutput
            }
            group.addTask {
                try await Task.sleep(for: Self.timeout)
                return nil
            }
            defer { group.cancelAll() }
            guard let first = try await group.next(), let output = first else { throw MiniMaxError(1001) }
            return output
        }
    }
}

/// Text to say, or a pause in it.
enum SpeechPart: Sendable, Hashable {
    case words(String)
    case pause(milliseconds: Int)

    /// Cuts `text` at its pause marks, `<#0.01#>` to `<#99.99#>` in seconds; anything else between such signs is text.
    ///
    /// - Throws: ``MiniMaxError`` when there are more than ``Synthesizer/maximumPauses``.
    static func split(_ text: String) throws -> [SpeechPart] {
        var parts: [SpeechPart] = []
        var rest = Substring(text)
        var words = Substring()
        func flush() {
            if words.contains(where: { !$0.isWhitespace }) { parts.append(.words(String(words))) }
            words = Substring()
        }
        while let character = rest.first {
            if character == "<", rest.dropFirst().first == "#", let end = rest.firstIndex(of: ">"),
                let seconds = Double(rest[..<end].dropFirst(2).dropLast()), rest[..<end].last == "#",
                (0.01...99.99).contains(seconds)
            {
                flush()
                parts.append(.pause(milliseconds: Int((seconds * 1_000).rounded())))
                rest = rest[rest.index(after: end)...]
            } else {
                words.append(character)
                rest.removeFirst()
            }
        }
        flush()
        let pauses = parts.filter { if case .pause = $0 { true } else { false } }.count
        guard pauses <= Synthesizer.maximumPauses else { throw MiniMaxError.invalid("too many pauses") }
        return parts
    }
}
