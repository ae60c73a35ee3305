import FoundationEssentials
import FunctionCore
import Glibc
import Testing

@testable import AudioStore

/// A folder of its own, removed at the end.
private func withStore(_ work: (DirectoryAudioStore, String) async throws -> Void) async throws {
    let folder = "/tmp/cw-audio-\([UInt8].random(count: 8).hex)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
    let result: Result<Void, any Error>
    do { result = .success(try await work(DirectoryAudioStore(directory: folder), folder)) } catch {
        result = .failure(error)
    }
    try FileManager.default.removeItem(atPath: folder)
    try result.get()
}

private func read(_ audio: any StoredAudio, _ range: Range<Int>) async throws -> (bytes: [UInt8], pieces: Int) {
    var bytes: [UInt8] = []
    var pieces = 0
    try await audio.read(range) {
        bytes += $0
        pieces += 1
    }
    return (bytes, pieces)
}

@Suite struct DirectoryAudioStoreTests {
    static let sample = (0..<200_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }

    @Test("what was stored is read back, whole or in part, in pieces of bounded size")
    func roundTrip() async throws {
        try await withStore { store, _ in
            let id = AudioID.random()
            try await store.store(Self.sample, as: id)
            let audio = try #require(try await store.open(id))
            #expect(audio.byteCount == Self.sample.count)
            let whole = try await read(audio, 0..<Self.sample.count)
            #expect(whole.bytes == Self.sample && whole.pieces == 4)
            for range in [0..<1, 199_999..<200_000, 65_535..<65_537, 70_000..<70_000, 1_000..<150_000] {
                #expect(try await read(audio, range).bytes == Array(Self.sample[range]))
            }
        }
    }

    @Test("a recording that was deleted is no longer there, but whoever has it open reads on")
    func deletion() async throws {
        try await withStore { store, _ in
            let id = AudioID.random()
            try await store.store(Self.sample, as: id)
            let open = try #require(try await store.open(id))
            #expect(try await store.delete(id))
            #expect(try await !store.delete(id))
            #expect(try await store.open(id) == nil)
            #expect(try await read(open, 0..<10).bytes == Array(Self.sample[..<10]))
        }
    }

    @Test("a store leaves exactly the finished file, readable by owner and group")
    func finishedFile() async throws {
        try await withStore { store, folder in
            let id = AudioID.random()
            try await store.store([1, 2, 3], as: id)
            let path = DirectoryAudioStore.relativePath(of: id)
            #expect(try FileManager.default.subpathsOfDirectory(atPath: folder).filter { $0.contains(".") } == [path])
            let mode =
                try FileManager.default.attributesOfItem(atPath: "\(folder)/\(path)")[.posixPermissions] as? UInt16
            #expect(mode.map { $0 & 0o007 } == 0)
        }
    }

    @Test("a recording is never written over, nor removed by the attempt")
    func storedBefore() async throws {
        try await withStore { store, _ in
            let id = AudioID.random()
            try await store.store(Self.sample, as: id)
            await #expect(throws: AudioStoreError.self) { try await store.store([1], as: id) }
            let open = try #require(try await store.open(id))
            #expect(open.byteCount == Self.sample.count)
        }
    }

    @Test("a symbolic link is not followed")
    func symbolicLink() async throws {
        try await withStore { store, folder in
            let id = AudioID.random()
            try await store.store([1], as: id)
            let path = "\(folder)/\(DirectoryAudioStore.relativePath(of: id))"
            try FileManager.default.removeItem(atPath: path)
            try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: "/etc/passwd")
            await #expect(throws: AudioStoreError.self) { try await store.open(id) }
        }
    }

    @Test("a folder that is missing is said to be unavailable, without naming it")
    func missingFolder() async throws {
        let store = DirectoryAudioStore(directory: "/tmp/cw-audio-missing/nowhere")
        let error = await #expect(throws: AudioStoreError.self) { try await store.store([1], as: .random()) }
        #expect(error?.kind == .unavailable)
        #expect(error?.description.contains("/tmp") == false)
        await #expect(throws: AudioStoreError.self) { try await store.check() }
    }

    @Test("leftovers are our own files that are old enough, and nothing else")
    func leftovers() async throws {
        try await withStore { store, folder in
            let (old, new) = (AudioID.random(), AudioID.random())
            try await store.store([1], as: old)
            try await store.store([2], as: new)
            let shard = "\(folder)/\(old.description.prefix(2))"
            for name in [".\(old).unfinished", "notes.txt", "\(old).mp3.bak"] {
                try Data([1]).write(to: URL(filePath: "\(shard)/\(name)"))
            }
            for name in try FileManager.default.contentsOfDirectory(atPath: shard) where !name.hasPrefix("\(new)") {
                try FileManager.default.setAttributes(
                    [.modificationDate: Date(timeIntervalSinceNow: -7_200)], ofItemAtPath: "\(shard)/\(name)")
            }
            #expect(try await store.deleteLeftovers(olderThan: .seconds(10_000), in: 0...255) == 0)
            #expect(try await store.deleteLeftovers(olderThan: .seconds(3_600), in: 0...255) == 2)
            #expect(try await store.open(old) == nil)
            #expect(try await store.open(new) != nil)
            #expect(FileManager.default.fileExists(atPath: "\(shard)/notes.txt"))
        }
    }

    @Test("a store that can be used is left as it was found by checking it")
    func checking() async throws {
        try await withStore { store, folder in
            try await store.check()
            #expect(try FileManager.default.subpathsOfDirectory(atPath: folder).filter { $0.contains(".") } == [])
        }
    }

    @Test(
        "a disk or a quota that is used up is told from a place that is broken",
        arguments: [
            (ENOSPC, AudioStoreError.Kind.full), (EDQUOT, .full), (EACCES, .unavailable), (EIO, .unavailable),
            (EROFS, .unavailable),
        ])
    func diskErrors(_ code: Int32, _ kind: AudioStoreError.Kind) {
        #expect(SystemError("write", code: code).audioStoreError.kind == kind)
    }
}
