import FunctionTesting
import Glibc
import Testing

@testable import FastCGIWire

/// A million inputs that nobody thought of. `FUZZ_SEED` repeats a run, `FUZZ_INPUTS` makes it longer or shorter; a
/// failure names the seed with which it is the first thing to happen.
@Suite("FastCGI fuzz")
struct FuzzTests {
    static let seed = number("FUZZ_SEED") ?? UInt64.random(in: 0 ... .max)
    static let inputs = number("FUZZ_INPUTS").map { Int(clamping: $0) } ?? 1_000_000

    static func number(_ name: String) -> UInt64? { getenv(name).flatMap { UInt64(String(cString: $0)) } }

    @Test("a connection keeps its promises whatever it is sent, and however that is split")
    func connection() async throws {
        print("FUZZ_SEED=\(Self.seed) FUZZ_INPUTS=\(Self.inputs)")
        // Two halves side by side; each session has a seed of its own, by which it can be repeated alone.
        await withTaskGroup(of: Int.self) { group in
            for lane in 0..<2 {
                group.addTask { Self.run(lane, inputs: (Self.inputs + 1 - lane) / 2) }
            }
            #expect(await group.reduce(0, +) == Self.inputs)
            Effort.tried(Self.inputs, "FastCGI inputs that nobody thought of")
        }
    }

    /// - Returns: how many inputs were sent, fewer than asked for after a failure.
    private static func run(_ lane: Int, inputs: Int) -> Int {
        var (sent, sessions) = (0, 0)
        while sent < inputs {
            let sessionSeed = seed &+ UInt64(2 * sessions + lane)
            var session = FuzzSession(seed: sessionSeed)
            do {
                sent += try session.run(atMost: min(64, inputs - sent))
            } catch {
                Issue.record("FUZZ_SEED=\(sessionSeed): \(error)")
                return sent
            }
            sessions += 1
        }
        return sent
    }

    @Test("pairs that are read are those that were written, and anything else is refused or read whole")
    func pairs() throws {
        var random = Randomness(seed: Self.seed)
        for _ in 0..<20_000 {
            let pairs = (0..<random.below(4)).map { _ in
                NameValuePair(
                    String(repeating: "n", count: [0, 1, 127, 128, 129][random.below(5)]),
                    String(repeating: "v", count: [0, 1, 127, 128, 129][random.below(5)]))
            }
            var bytes = NameValuePair.encode(pairs)
            guard try Parameters(bytes).pairs == pairs else {
                Issue.record("FUZZ_SEED=\(Self.seed): \(pairs)")
                return
            }
            guard !bytes.isEmpty else { continue }
            bytes[random.below(bytes.count)] = random.byte()
            bytes.removeLast(random.below(min(4, bytes.count)))
            if let read = try? Parameters(bytes).pairs {
                // Every byte belongs to a pair: lengths of 2 or 5 or 8 bytes, and what they count.
                let content = read.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count }
                #expect(read.isEmpty == bytes.isEmpty)
                // A byte that is not UTF-8 becomes three.
                #expect(content <= 3 * bytes.count)
            }
        }
    }

    @Test("a response's reader ends or refuses, whatever it is sent, and passes on no more than it got")
    func responses() {
        var random = Randomness(seed: Self.seed)
        let response = Array("Status: 200 OK\r\nX: y\r\n\r\nbody".utf8)
        for _ in 0..<20_000 {
            var bytes = Record.stream(.stdout, id: 1, response[..<random.below(response.count + 1)])
            bytes += Record.stream(.stderr, id: 1, response[..<random.below(6)]) + Record.end(id: 1).bytes
            for _ in 0..<random.below(3) { bytes[random.below(bytes.count)] = random.byte() }
            var reader = ResponseReader()
            reader.receive(bytes)
            var body = 0
            while let part = try? reader.next() {
                if case .body(let piece) = part { body += piece.count }
                if case .errorText(let piece) = part { body += piece.count }
            }
            #expect(body <= bytes.count)
        }
    }
}
