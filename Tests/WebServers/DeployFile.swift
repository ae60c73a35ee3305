import FoundationEssentials

/// A file of `deploy/`, and the same with its editable parts edited.
public struct DeployFile {
    public let path: String
    public private(set) var text: String

    /// - Parameter path: below `deploy/`.
    public init(_ path: String) throws {
        self.path = path
        guard let data = FileManager.default.contents(atPath: "\(Self.folder)/\(path)") else {
            throw Missing(path: path, text: "the file")
        }
        text = String(decoding: data, as: UTF8.self)
    }

    /// The checkout's `deploy`, from this file's own place in it.
    static let folder = #filePath.split(separator: "/").dropLast(3).reduce("") { "\($0)/\($1)" } + "/deploy"

    /// - Throws: ``Missing`` when there is no `old`: then the file and the test no longer mean the same.
    public mutating func replace(_ old: String, with new: String) throws {
        guard text.contains(old) else { throw Missing(path: path, text: old) }
        text = text.replacing(old, with: new)
    }

    public struct Missing: Error, CustomStringConvertible {
        public let path: String
        public let text: String
        public var description: String { "deploy/\(path) lacks: \(text)" }
    }
}
