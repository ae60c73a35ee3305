import DevHost
import Glibc
import Logging
import Synchronization
import WebClient

/// Where drilling happens: a directory of our own, and the means to start and end programs.
struct Place: Sendable {
    let callwaiting: String
    let sql: String
    let state: StateDirectory
    let supervisor: Supervisor
    let client: WebClient
    let logger = Logger(label: "drills") { _ in SwiftLogNoOpLogHandler() }

    init(callwaiting: String, sql: String) async throws {
        self.callwaiting = Files.absolute(callwaiting)
        self.sql = Files.absolute(sql)
        guard Files.exists(callwaiting) else { throw DrillError("\(callwaiting) is missing: build it first") }
        state = try await StateDirectory("/tmp/cw-drills-\(getpid())")
        try Files.write("", to: "\(state.path)/settings.env", mode: 0o600)
        supervisor = try Supervisor(watcher: try Files.executable(), state: state, echo: false)
        var configuration = WebClient.Configuration()
        configuration.maximumTransfers = 4_096
        client = WebClient(configuration, logger: logger)
        Self.taken.withLock { $0 = state }
    }

    private static let taken = Mutex<StateDirectory?>(nil)

    /// For whoever is told to end in the middle: what is on disk goes, and the programs end with us.
    static func leave() {
        guard let state = taken.withLock({ $0 }) else { return }
        try? state.cleanUp()
        try? Files.remove(state.path)
    }

    /// Writes a line for whoever waits at the terminal.
    func say(_ text: String) {
        let line = Array("drills: \(text)\n".utf8)
        _ = write(2, line, line.count)
    }

    func cleanUp() throws {
        try state.cleanUp()
        try Files.remove(state.path)
    }
}

/// A generator whose numbers follow from its seed alone (SplitMix64, Steele, Lea and Flood 2014).
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// True in so many of a hundred.
    mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &self) < percent }
}
