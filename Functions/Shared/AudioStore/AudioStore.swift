/// Where recordings are kept until they expire.
public protocol AudioStore: Sendable {
    /// Keeps `audio` under `id`. Once this returns, it survives a crash of the machine.
    ///
    /// - Throws: ``AudioStoreError``; nothing is kept then.
    func store(_ audio: [UInt8], as id: AudioID) async throws(AudioStoreError)

    /// - Returns: nil when there is no such recording.
    /// - Throws: ``AudioStoreError`` when that cannot be found out.
    func open(_ id: AudioID) async throws(AudioStoreError) -> (any StoredAudio)?

    /// - Returns: whether there was such a recording.
    /// - Throws: ``AudioStoreError`` when it may still be there.
    @discardableResult
    func delete(_ id: AudioID) async throws(AudioStoreError) -> Bool

    /// Deletes what is older than `age`, known to anybody or not: what a process left behind that died between storing
    /// and settling. Looks at a part of the store, another at each call.
    ///
    /// - Parameter age: longer than any recording lives.
    /// - Returns: how many were deleted.
    /// - Throws: ``AudioStoreError`` when there may be more.
    func deleteLeftovers(olderThan age: Duration) async throws(AudioStoreError) -> Int
}

/// One recording, open for reading. Deleting it meanwhile does not disturb whoever reads.
public protocol StoredAudio: Sendable {
    var byteCount: Int { get }

    /// Hands over the bytes of `range`, piece by piece, waiting for each to be taken.
    ///
    /// - Throws: ``AudioStoreError`` when they cannot be read; whatever `take` throws.
    func read(_ range: Range<Int>, _ take: ([UInt8]) async throws -> Void) async throws
}

/// Why a recording could not be kept, read or deleted.
public struct AudioStoreError: Error, Sendable, CustomStringConvertible {
    public enum Kind: Sendable, Hashable {
        /// No space is left, or the quota of the disk is used up.
        case full
        /// The place itself is missing, not writable or broken.
        case unavailable
        case cancelled
    }

    public let kind: Kind
    /// What was tried and what the system said; without paths.
    public let description: String

    public init(_ kind: Kind, _ description: String) {
        self.kind = kind
        self.description = description
    }
}
