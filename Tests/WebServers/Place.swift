import FoundationEssentials
import Glibc

/// A site's directory while its files are being written.
struct Place {
    let directory: String
    let application: Backend
    let prefix: String
    let port: Int
    /// Of the application, where it is FastCGI over TCP.
    let applicationPort: Int
    /// Of the application, where it is FastCGI on a Unix socket.
    let socket: String
    private let edits: [(String, String)]

    /// The directory that stands for /usr/local/bin; the application is in it as `callwaiting`.
    var programs: String { directory + "/bin" }
    var program: String { programs + "/callwaiting" }
    /// For what servers write while they run, whoever they run as.
    var run: String { directory + "/run" }

    init(_ directory: String, application: Backend, prefix: String, edits: [(String, String)]) throws {
        self.directory = directory
        self.application = application
        self.prefix = prefix
        self.edits = edits
        let ports = try freePorts(2)
        port = ports[0]
        applicationPort = ports[1]
        socket = directory + "/fastcgi.sock"
        try FileManager.default.createDirectory(atPath: programs, withIntermediateDirectories: true)
        try FileManager.default.createDirectory(atPath: run, withIntermediateDirectories: true)
        guard chmod(directory, 0o755) == 0, chmod(run, 0o777) == 0 else {
            throw SystemError(call: "chmod", code: errno)
        }
        // The checkout may be closed to the user that Apache runs programs as, so the program gets a second name here,
        // or where that is another file system, a copy.
        if link(application.path, program) != 0 {
            try FileManager.default.copyItem(atPath: application.path, toPath: program)
        }
    }

    /// A file of `deploy/`, with what is to be edited edited.
    func deployed(_ path: String, _ edits: [(String, String)]) throws -> String {
        var file = try DeployFile(path)
        for (old, new) in edits { try file.replace(old, with: new) }
        for (old, new) in self.edits where file.text.contains(old) { try file.replace(old, with: new) }
        return file.text
    }

    /// - Returns: the file's path.
    @discardableResult
    func write(_ name: String, _ text: String, mode: UInt32 = 0o644) throws -> String {
        let path = "\(directory)/\(name)"
        if let slash = path.lastIndex(of: "/") {
            try FileManager.default.createDirectory(
                atPath: String(path[..<slash]), withIntermediateDirectories: true)
        }
        guard FileManager.default.createFile(atPath: path, contents: Data(text.utf8)), chmod(path, mode) == 0 else {
            throw SystemError(call: "write \(path)", code: errno)
        }
        return path
    }

    /// The application as a FastCGI server of its own.
    func server(_ arguments: String...) -> Invocation {
        Invocation(
            name: "fastcgi", executable: program, arguments: ["fastcgi"] + arguments,
            environment: application.environment)
    }

}

/// A TCP port on loopback that was free a moment ago, for programs that cannot say which they took.
public func freePort() throws -> Int { try freePorts(1)[0] }

/// As many of them, no two the same: each is held until all are there.
public func freePorts(_ count: Int) throws -> [Int] {
    var held: [Int32] = []
    defer { for descriptor in held { close(descriptor) } }
    var ports: [Int] = []
    for _ in 0..<count {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw SystemError(call: "socket", code: errno) }
        held.append(descriptor)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
            }
        }
        guard isBound else { throw SystemError(call: "bind", code: errno) }
        ports.append(Int(UInt16(bigEndian: address.sin_port)))
    }
    return ports
}

struct SystemError: Error {
    let call: String
    let code: Int32
}
