/// Synthesis for everybody at once: a few at a time, and nothing twice while it is remembered.
actor SpeechDesk {
    /// Syntheses at once.
    static let maximumRunning = 2
    /// Requests that may wait for one; the next is told 1041.
    static let maximumWaiting = 32
    /// Bytes of remembered speech.
    static let maximumRemembered = 192 * 1_024 * 1_024

    private let synthesizer = Synthesizer()
    private var running = 0
    private var waiting: [(id: Int, continuation: CheckedContinuation<Void, any Error>)] = []
    private var lastID = 0
    private var remembered: [SpeechKey: Speech] = [:]
    /// The keys of ``remembered``, least recently used first.
    private var order: [SpeechKey] = []

    func speech(for request: SpeechRequest) async throws -> Speech {
        let key = SpeechKey(request)
        if let speech = recall(key) { return speech }
        try await enter()
        defer { leave() }
        // Whoever waited behind the same text finds it done.
        if let speech = recall(key) { return speech }
        let speech = Speech(mp3: try await synthesizer.speak(request))
        remember(speech, as: key)
        return speech
    }

    private func recall(_ key: SpeechKey) -> Speech? {
        guard let speech = remembered[key] else { return nil }
        order.removeAll { $0 == key }
        order.append(key)
        return speech
    }

    private func remember(_ speech: Speech, as key: SpeechKey) {
        if remembered.updateValue(speech, forKey: key) == nil { order.append(key) }
        while remembered.values.reduce(0, { $0 + $1.mp3.count + $1.hex.count }) > Self.maximumRemembered,
            let oldest = order.first
        {
            remembered[oldest] = nil
            order.removeFirst()
        }
    }

    private func enter() async throws {
        if running < Self.maximumRunning {
            running += 1
            return
        }
        guard waiting.count < Self.maximumWaiting else { throw MiniMaxError(1041) }
        lastID += 1
        let id = lastID
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                if Task.isCancelled {
                    continuation.resume(throwing: CancellationError())
                } else {
                    waiting.append((id, continuation))
                }
            }
        } onCancel: {
            Task { await self.giveUp(id) }
        }
    }

    private func giveUp(_ id: Int) {
        guard let index = waiting.firstIndex(where: { $0.id == id }) else { return }
        waiting.remove(at: index).continuation.resume(throwing: CancellationError())
    }

    /// Hands the place to the first who waits.
    private func leave() {
        if waiting.isEmpty { running -= 1 } else { waiting.removeFirst().continuation.resume() }
    }
}

/// Finished speech, with what is costly to work out in a debug build worked out once.
struct Speech: Sendable {
    let mp3: [UInt8]
    /// Two digits a byte.
    let hex: [UInt8]
    let facts: MP3

    init(mp3: [UInt8]) {
        self.mp3 = mp3
        hex = Array(mp3.hex.utf8)
        facts = MP3(reading: mp3)
    }
}

/// All that changes what is heard.
private struct SpeechKey: Hashable {
    var text: String
    var voiceID: String
    var numbers: [Double]

    init(_ request: SpeechRequest) {
        text = request.text
        voiceID = request.voiceID
        numbers = [
            request.speed, request.volume, Double(request.pitch), Double(request.sampleRate), Double(request.bitrate),
            Double(request.channels),
        ]
    }
}
