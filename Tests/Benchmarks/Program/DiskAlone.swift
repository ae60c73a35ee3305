import DevHost
import FoundationEssentials
import Glibc
import PostgresClient

/// What a paid reply waits for whoever makes it: its recording on the disk, and then a commit there.
enum DiskAlone {
    private static let times = 60
    private static let pause = Duration.milliseconds(100)

    /// Milliseconds that each took, one after another on a machine that does nothing else.
    ///
    /// - Parameter directory: where recordings are kept.
    static func measure(
        _ recording: [UInt8], in directory: String, _ database: PlainConnection
    ) async throws -> [Double] {
        try await database.execute("create temporary table if not exists commits (n integer)")
        var milliseconds: [Double] = []
        for number in 1...times {
            try await Task.sleep(for: pause)
            let start = ContinuousClock.now
            try store(recording, as: "\(directory)/alone-\(number)", in: directory)
            // A temporary table's rows are not written to the log, the transaction's end is.
            try await database.execute("insert into commits values (\(number)); select pg_current_xact_id()")
            let taken = start.duration(to: .now).components
            milliseconds.append(Double(taken.seconds) * 1e3 + Double(taken.attoseconds) / 1e15)
            try Files.remove("\(directory)/alone-\(number)")
        }
        return milliseconds.sorted()
    }

    /// The system calls that `DirectoryAudioStore` makes.
    private static func store(_ bytes: [UInt8], as path: String, in directory: String) throws {
        let file = open("\(path).unfinished", O_WRONLY | O_CREAT | O_EXCL, 0o640)
        guard file >= 0, write(file, bytes, bytes.count) == bytes.count, fsync(file) == 0, close(file) == 0,
            rename("\(path).unfinished", path) == 0
        else { throw BenchError("cannot write \(path)") }
        let folder = open(directory, O_RDONLY | O_DIRECTORY)
        guard folder >= 0, fsync(folder) == 0, close(folder) == 0 else { throw BenchError("cannot write \(directory)") }
    }
}
