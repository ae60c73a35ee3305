import DevHost
import FoundationEssentials
import Glibc
import PostgresClient

/// What a paid reply waits for whoever makes it: its recording on the disk, and then a commit there.
enum DiskAlone {
    private static let times = 100
    /// Between one and the next, since calls do not come back to back either.
    private static let pause = Duration.milliseconds(100)

    /// Milliseconds that each took, sorted; one after another on a machine that does nothing else.
    ///
    /// - Parameter directory: where recordings are kept. Whoever made it removes the files.
    static func measure(
        _ recording: [UInt8], in directory: String, _ database: PlainConnection
    ) async throws -> [Double] {
        var milliseconds: [Double] = []
        for _ in 1...times {
            try await Task.sleep(for: pause)
            let start = ContinuousClock.now
            try store(recording, as: "\(directory)/\(UUID().uuidString)", in: directory)
            // Writes to the log and to no table, so that its commit waits for the disk and nothing else is measured.
            try await database.execute("select pg_logical_emit_message(true, 'bench', '')")
            let taken = start.duration(to: .now).components
            milliseconds.append(Double(taken.seconds) * 1e3 + Double(taken.attoseconds) / 1e15)
        }
        return milliseconds.sorted()
    }

    /// The system calls of `DirectoryAudioStore`, but for making the folder.
    private static func store(_ bytes: [UInt8], as path: String, in directory: String) throws {
        let file = open(path, O_WRONLY | O_CREAT | O_EXCL, 0o640)
        guard file >= 0, write(file, bytes, bytes.count) == bytes.count, fsync(file) == 0, close(file) == 0
        else { throw BenchError("cannot write \(path)") }
        let folder = open(directory, O_RDONLY | O_DIRECTORY)
        guard folder >= 0, fsync(folder) == 0, close(folder) == 0 else { throw BenchError("cannot write \(directory)") }
    }
}
