import CPostgres
import Glibc
import Logging

/// One PGconn in non-blocking mode. Made, used and freed by a single thread, which is why it is not `Sendable`.
final class Connection {
    private let pointer: OpaquePointer
    private let notices: NoticeLog
    private var isPoisoned = false

    /// What `wait` returned for.
    struct Readiness {
        var readable = false
        var writable = false
        var woken = false
    }

    /// Connects, which may take as long as the target's `connectTimeout` and one name look-up.
    /// - Parameter tick: Called now and then while waiting; returning false gives up.
    init(to target: ConnectionTarget, logger: Logger, tick: () -> Bool = { true }) throws(DatabaseError) {
        notices = NoticeLog(logger: logger)
        var keywords = target.parameters.map { UnsafePointer(strdup($0.keyword)) } + [nil]
        var values = target.parameters.map { UnsafePointer(strdup($0.value)) } + [nil]
        defer { (keywords + values).forEach { free(UnsafeMutablePointer(mutating: $0)) } }
        guard let pointer = PQconnectStartParams(&keywords, &values, 1) else {
            throw DatabaseError(.unavailable(.notConnected), "out of memory")
        }
        self.pointer = pointer
        // From here on `deinit` frees the pointer, also when this initialiser throws.
        try finishConnecting(by: .now + target.connectTimeout, tick: tick)
        PQsetnonblocking(pointer, 1)
        PQsetNoticeReceiver(
            pointer, { context, result in NoticeLog.receive(context, result) },
            Unmanaged.passUnretained(notices).toOpaque())
    }

    deinit {
        PQfinish(pointer)
    }

    private func finishConnecting(by deadline: ContinuousClock.Instant, tick: () -> Bool) throws(DatabaseError) {
        var status = PGRES_POLLING_WRITING
        if PQstatus(pointer) == CONNECTION_BAD { status = PGRES_POLLING_FAILED }
        while status != PGRES_POLLING_OK {
            guard status != PGRES_POLLING_FAILED else { throw connectFailure(errorMessage) }
            let now = ContinuousClock.now
            guard now < deadline, tick() else { throw connectFailure("no connection within the time allowed") }
            let ready = wait(
                reading: status == PGRES_POLLING_READING, writing: status == PGRES_POLLING_WRITING,
                until: min(deadline, now + .milliseconds(100)))
            if ready.readable || ready.writable { status = PQconnectPoll(pointer) }
        }
    }

    private func connectFailure(_ message: String) -> DatabaseError {
        DatabaseError(.unavailable(.notConnected), message)
    }

    var errorMessage: String {
        PQerrorMessage(pointer).map { String(cString: $0) } ?? ""
    }

    var isBroken: Bool { isPoisoned || PQstatus(pointer) == CONNECTION_BAD }

    /// Refuses all further use: what the server will say next is not what would be asked.
    func poison() {
        isPoisoned = true
    }

    /// Waits for the socket, the wake-up or the instant, whichever comes first. With no instant it waits for ever.
    func wait(
        reading: Bool = true, writing: Bool = false, wakeUp: WakeUp? = nil, until deadline: ContinuousClock.Instant?
    ) -> Readiness {
        let events = (reading ? POLLIN : 0) | (writing ? POLLOUT : 0)
        var descriptors = [
            pollfd(fd: PQsocket(pointer), events: Int16(events), revents: 0),
            pollfd(fd: wakeUp?.descriptor ?? -1, events: Int16(POLLIN), revents: 0),
        ]
        let timeout = deadline.map { ($0 - .now).pollMilliseconds } ?? -1
        guard poll(&descriptors, 2, timeout) > 0 else { return Readiness() }
        let socket = Int32(descriptors[0].revents)
        // An error or hang-up is found by reading.
        let ended = socket & (POLLERR | POLLHUP | POLLNVAL) != 0
        let woken = descriptors[1].revents != 0
        if woken { wakeUp?.clear() }
        return Readiness(
            readable: socket & POLLIN != 0 || ended, writable: socket & POLLOUT != 0 || ended && writing, woken: woken)
    }

    /// Sends what is buffered, as far as the socket takes it. Returns true when nothing is left.
    func flush() throws(DatabaseError) -> Bool {
        let outcome = PQflush(pointer)
        guard outcome >= 0 else { throw lost() }
        return outcome == 0
    }

    /// Takes in what has arrived. False when the connection has ended; results that arrived before can still be read.
    func consumeInput() -> Bool {
        !isPoisoned && PQconsumeInput(pointer) == 1
    }

    /// The next result, `.end` after the last one of a command, or `.incomplete` when more input is needed. Never blocks.
    func next() -> Next {
        guard PQisBusy(pointer) == 0 else { return .incomplete }
        guard let result = PQgetResult(pointer) else { return .end }
        return .result(QueryResult(owning: result))
    }

    enum Next {
        case result(QueryResult)
        case end
        case incomplete
    }

    func lost() -> DatabaseError {
        DatabaseError(.unavailable(.connectionLost), errorMessage)
    }

    /// Reads whatever arrived while nothing was asked for. False when the connection has ended meanwhile.
    func isAlive() -> Bool {
        guard wait(until: .now).readable else { return !isBroken }
        return absorb()
    }

    /// Reads notices, parameter changes and notifications. False when the connection has ended.
    func absorb() -> Bool {
        guard consumeInput() else { return false }
        _ = PQisBusy(pointer)
        return !isBroken
    }

    /// Lets `body` call libpq with the connection's pointer.
    func withPointer<R>(_ body: (OpaquePointer) -> R) -> R {
        body(pointer)
    }
}

extension Duration {
    /// For `poll`: rounded up, so that waiting never ends just before the instant, and at most a minute.
    var pollMilliseconds: Int32 {
        guard self > .zero else { return 0 }
        guard self < .seconds(60) else { return 60_000 }
        let (seconds, attoseconds) = components
        return Int32(seconds * 1000) + Int32((attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
    }

    /// As Postgres takes a time setting without a unit.
    var wholeMilliseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds * 1000 + attoseconds / 1_000_000_000_000_000
    }
}

/// Where notices and warnings of the server go: the log, at debug, since they may quote row values.
private final class NoticeLog {
    let logger: Logger

    init(logger: Logger) {
        self.logger = logger
    }

    static func receive(_ context: UnsafeMutableRawPointer?, _ result: OpaquePointer?) {
        guard let context, let result, let text = PQresultErrorMessage(result) else { return }
        let log = Unmanaged<NoticeLog>.fromOpaque(context).takeUnretainedValue()
        log.logger.debug("postgres notice", metadata: ["notice": "\(String(cString: text))"])
    }
}
