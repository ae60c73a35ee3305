import FunctionCore
import NIOPosix

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// Recordings as files of one directory: `3f/3f09…e1.mp3`, 256 folders by the id's first byte.
///
/// A file has its name before it is whole. Nobody knows that name, which cannot be guessed, before the recording is on the
/// disk and charged for; what a crash leaves behind goes with the other leftovers.
///
/// Paths are built from a parsed ``AudioID`` and nothing else. Every system call is made on a thread pool, so that a slow
/// disk never holds up an event loop.
public struct DirectoryAudioStore: AudioStore {
    let directory: String

    /// Of all stores, and as many as may wait for the disk at once, which has nothing to do with the machine's cores:
    /// what waits together a file system's journal writes together. NIO's own pool has a thread for each core. They start
    /// when a file is needed, so not in a CGI process that has nothing to do with recordings.
    private static let threads: NIOThreadPool = {
        let threads = NIOThreadPool(numberOfThreads: 32)
        threads.start()
        return threads
    }()

    /// - Parameter directory: must exist and be writable; ``check()`` says whether it is.
    public init(directory: String) { self.directory = directory }

    /// Where `id` is kept, below the directory: what a web server needs that sends files itself (X-Accel-Redirect).
    public static func relativePath(of id: AudioID) -> String { "\(id.description.prefix(2))/\(id).mp3" }

    /// - Throws: ``AudioStoreError`` when nothing could be stored here.
    public func check() async throws(AudioStoreError) {
        let id = AudioID.random()
        try await store([0], as: id)
        try await delete(id)
    }

    public func store(_ audio: [UInt8], as id: AudioID) async throws(AudioStoreError) {
        let folder = "\(directory)/\(id.description.prefix(2))"
        let path = "\(directory)/\(Self.relativePath(of: id))"
        try await run { () throws(SystemError) in
            try createDirectory(folder)
            let file = try FileHandle(creating: path)
            do throws(SystemError) {
                try file.write(audio)
                // A name is durable only once its folder is synced too. The bytes come first: a file system with a journal
                // commits the name with them, and has little left to do for the folder.
                try file.synchronize()
                try FileHandle(reading: folder, directory: true).synchronize()
            } catch {
                unlink(path)
                throw error
            }
        }
    }

    public func open(_ id: AudioID) async throws(AudioStoreError) -> (any StoredAudio)? {
        let path = "\(directory)/\(Self.relativePath(of: id))"
        let opened = try await run { () throws(SystemError) -> (FileHandle, Int)? in
            do throws(SystemError) {
                let file = try FileHandle(reading: path)
                return (file, try file.size())
            } catch let error where error.code == ENOENT {
                return nil
            }
        }
        return opened.map { StoredFile(file: $0.0, byteCount: $0.1, threads: Self.threads) }
    }

    @discardableResult
    public func delete(_ id: AudioID) async throws(AudioStoreError) -> Bool {
        let path = "\(directory)/\(Self.relativePath(of: id))"
        return try await run { () throws(SystemError) in
            if unlink(path) == 0 { return true }
            guard errno == ENOENT else { throw SystemError("unlink") }
            return false
        }
    }

    func run<Result: Sendable>(
        _ work: @escaping @Sendable () throws(SystemError) -> Result
    ) async throws(AudioStoreError) -> Result {
        try await Self.threads.runFileWork(work)
    }
}

/// An open file of a ``DirectoryAudioStore``.
struct StoredFile: StoredAudio {
    let file: FileHandle
    let byteCount: Int
    let threads: NIOThreadPool

    /// Bytes read at a time.
    static let pieceLength = 64 * 1_024

    func read(_ range: Range<Int>, _ take: ([UInt8]) async throws -> Void) async throws {
        var position = range.lowerBound
        while position < range.upperBound {
            let wanted = min(Self.pieceLength, range.upperBound - position)
            let from = position
            let piece = try await threads.runFileWork { () throws(SystemError) in try file.read(wanted, at: from) }
            guard !piece.isEmpty else { throw AudioStoreError(.unavailable, "the recording is shorter than it was") }
            try await take(piece)
            position += piece.count
        }
    }
}

extension NIOThreadPool {
    /// Runs blocking work on one of our threads.
    fileprivate func runFileWork<Result: Sendable>(
        _ work: @escaping @Sendable () throws(SystemError) -> Result
    ) async throws(AudioStoreError) -> Result {
        do {
            return try await runIfActive { try work() }
        } catch let error as SystemError {
            throw error.audioStoreError
        } catch is CancellationError {
            throw AudioStoreError(.cancelled, "cancelled")
        } catch {
            throw AudioStoreError(.unavailable, "the thread pool has stopped")
        }
    }
}
