import ArgumentParser
import FunctionService
import Glibc

/// What `callwaiting-cgi` starts and hands its requests to. It leaves by itself.
struct ResidentCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resident", abstract: "Serve the requests that callwaiting-cgi hands over, for a while.",
        shouldDisplay: false)

    /// The log begins anew beyond this many bytes; the one before is kept beside it.
    private static let logLimit: off_t = 16 * 1_048_576

    @Option(help: "Path of the Unix socket, in a private directory.") var socket: String
    @Option(help: "The descriptor of this server's lock, held from its start to its end.") var lock: Int32

    func run() async throws {
        _ = fcntl(lock, F_SETFD, FD_CLOEXEC)
        let source = try await SettingsSource()
        let assembly = try await Assembly(source: source)
        let services = assembly.services
        try await services.checkLoginRole()
        let settings = services.server
        var configuration = Server.Configuration(
            listeners: [Listener(.fastCGI, .unix(path: socket, mode: 0o600))])
        // Where there is nothing but CGI requests are few, and with a second loop each would begin with a hop to it.
        configuration.loops = 1
        configuration.apply(settings)
        configuration.peerUser = geteuid()
        configuration.webServerAddresses = nil
        // One connection is one request here. One more is closed as it comes, and the program at its other end answers
        // by itself.
        configuration.connections = settings.requestsInFlight
        let server = Server(responder: assembly.application, configuration: configuration, logger: services.logger)
        let files = [CommandLine.arguments.first].compactMap { $0 } + source.files
        let (ready, isReady) = AsyncStream.makeStream(of: Void.self)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await server.run { _ in
                    services.logger.info("resident", metadata: ["socket": "\(socket)"])
                    isReady.yield()
                }
            }
            group.addTask {
                guard await ready.first(where: { true }) != nil else { return }
                let residency = Residency(idleTime: settings.residentIdleTime, files: files, socket: socket)
                guard let reason = await residency.end(of: server, look: turnLog) else { return }
                services.logger.info("leaving", metadata: ["reason": "\(reason.rawValue)"])
                server.triggerStop()
            }
            try await group.next()
            try await group.next()
        }
        await services.shutdown()
        // Whoever opened the file before that sees that it has no name any more, and starts nothing with it.
        unlink(socket.dropLast("sock".count) + "lock")
    }

    /// Standard error is the log beside the socket: nobody else is there to keep it small.
    private func turnLog() {
        var status = stat()
        guard fstat(2, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_size > Self.logLimit else { return }
        let path = String(socket[...(socket.lastIndex(of: "/") ?? socket.startIndex)]) + "log"
        rename(path, path + ".1")
        let log = open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, mode_t(0o600))
        guard log >= 0 else { return }
        dup2(log, 2)
        close(log)
    }
}
