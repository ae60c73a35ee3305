/// Synthesis for everybody at once: a few at a time, and nothing twice while it is remembered.
actor SpeechDesk {
    /// Syntheses at once.
    static let maximumRunning = 2
    /// Requests that may wait for one; the next is told 1041.
    static let maximumWaiting = 32
    /// Bytes of remembered MP3.
    static let maximumRemembered = 64 * 1_024 * 1_024

    private let synthesizer = Synthesizer()
    private var running = 0
    private var waiting: [(id: Int, continuation: CheckedContinuation<Void, any Error>)] = []
    private var lastID = 0
    private var remembered: [SpeechKey: [UInt8]] = [:]
    /// The keys of ``remembered``, least recently used first.
    private var order: [SpeechKey] = []

    func mp3(for request: SpeechRequest) async throws -> [UInt8] {
        let key = SpeechKey(request)
        if let audio = recall(key) { return audio }
        try await enter()
        defer { leave() }
        // Whoever waited behind the same text finds it done.
        if let audio = recall(key) { return audio }
        let audio = try await synthesizer.speak(request)
        remember(audio, as: key)
        return audio
    }

    private func recall(_ key: SpeechKey) -> [UInt8]? {
        guard let audio = remembered[key] else { return nil }
        order.removeAll { $0 == key }
        order.append(key)
        return audio
    }

    private func remember(_ audio: [UInt8], as key: SpeechKey) {
        if remembered.updateValue(audio, forKey: key) == nil { order.append(key) }
        while remembered.values.reduce(0, { $0 + $1.count }) > Self.maximumRemembered, let oldest = order.first {
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
