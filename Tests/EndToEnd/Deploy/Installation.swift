import DevHost
import Glibc
import Testing

/// `deploy/install` into a directory of a test's own, with a stand-in for the program where that is enough.
struct Installation {
    let root: String
    let build: String

    /// - Parameter program: a script that becomes `callwaiting`; nil takes the one that was built with these tests.
    init(in directory: String, program: String? = Self.standIn()) throws {
        root = "\(directory)/root"
        build = program == nil ? try BuiltHost.products() : "\(directory)/build"
        if let program {
            try Files.createDirectory(build, mode: 0o755)
            try Files.write(program, to: "\(build)/callwaiting", mode: 0o755)
        }
    }

    /// A program of which the installer only wants to know the functions.
    static func standIn(_ mark: String = "") -> String {
        """
        #!/bin/sh
        # \(mark)
        echo "create-agent         POST  /api/create-agent"
        echo "health               GET   /healthz"
        """
    }

    func setProgram(_ mark: String) throws {
        try Files.write(Self.standIn(mark), to: "\(build)/callwaiting", mode: 0o755)
    }

    /// Runs the installer, and expects it to succeed.
    @discardableResult
    func run(
        _ arguments: String..., environment: [String: String] = [:], sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> String {
        let (status, text) = try await attempt(arguments, environment)
        #expect(status.isSuccess, "\(text)", sourceLocation: sourceLocation)
        return text
    }

    func attempt(
        _ arguments: [String], _ environment: [String: String] = [:]
    ) async throws -> (status: Termination, text: String) {
        var all = Command.plainEnvironment()
        all.merge(["DESTDIR": root, "BUILD": build, "VERSION": "1.0"]) { $1 }
        all.merge(environment) { $1 }
        return try await Command("\(TestBed.repository)/deploy/install", arguments, environment: all).output()
    }

    /// A path as the installed system would name it.
    func path(_ absolute: String) -> String { root + absolute }

    func read(_ absolute: String) throws -> String { try #require(try Files.read(path(absolute)), "\(absolute)") }

    /// Everything below the root, directories with a slash at their end.
    func everything(below path: String = "") throws -> [String] {
        try Files.names(in: root + path).sorted().flatMap { name -> [String] in
            var status = stat()
            lstat("\(root)\(path)/\(name)", &status)
            guard status.st_mode & S_IFMT == S_IFDIR else { return ["\(path)/\(name)"] }
            return ["\(path)/\(name)/"] + (try everything(below: "\(path)/\(name)"))
        }
    }
}
