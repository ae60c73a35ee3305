import FastCGIWire
import Glibc

/// One request on its way to the resident server, and its answer on the way back.
///
/// What must not be done twice goes in two steps, ``offer(_:)`` and ``complete()``; what may be (RFC 9110 §9.2.1) in one,
/// ``ask(_:)``.
struct Handover {
    /// How long the server may take to show that it is there, in milliseconds.
    static let acceptancePatience: Int64 = 1_000
    /// Longest silence while the server is at work, in milliseconds: over its own longest deadline.
    static let silenceLimit: Int64 = 3_700_000
    /// Bytes read at once, of the body and of the answer.
    private static let pieceSize = 65_528
    private static let id: UInt16 = 1
    /// Answered by the connection itself, whatever the request is doing (FastCGI 1.0 §4.1).
    private static let areYouThere = Record(
        .getValues, id: 0, NameValuePair.encode([NameValuePair("FCGI_MAX_REQS", "")]))

    private let connection: ResidentConnection
    private var decoder = RecordDecoder()
    /// What the server has not taken yet.
    private var outgoing: [UInt8] = []
    /// What the web server has not taken yet.
    private var answer: ArraySlice<UInt8> = []
    private var bodyLeft: Int
    private var bodyEnded = false
    /// The server has said something on this connection, so it does not stand still.
    private var isThere = false
    private(set) var hasAnswered = false

    /// Why the server did not take the request. Nothing of its body has been read and nothing been answered, and nothing
    /// of it been done, unless it may be done again.
    enum Refusal: Error {
        case silent, gone
        case said(ProtocolStatus?)

        var text: String {
            switch self {
            case .silent: "the resident server does not answer"
            case .gone: "the resident server closed the connection"
            case .said(let status): "the resident server refused (\(status.map { "\($0)" } ?? "unintelligibly"))"
            }
        }
    }

    /// - Parameter bodyLength: bytes of the body; `.max` where only its end will tell.
    init(_ connection: ResidentConnection, bodyLength: Int) {
        self.connection = connection
        bodyLeft = bodyLength
    }

    // MARK: Two steps

    /// The first: sends the parameters without their end, and asks for a sign that they have arrived, which comes in its
    /// turn. A server without the end of the parameters does not begin (FastCGI 1.0 §6.2).
    mutating func offer(_ parameters: [NameValuePair]) throws(Refusal) {
        begin(parameters)
        Self.areYouThere.append(to: &outgoing)
        let end = System.now() + Self.acceptancePatience
        while true {
            guard send() else { throw .gone }
            var watched = [pollfd(fd: connection.descriptor, events: Int16(POLLIN), revents: 0)]
            if !outgoing.isEmpty { watched[0].events |= Int16(POLLOUT) }
            guard System.wait(&watched, milliseconds: end - System.now()) else { throw .silent }
            switch connection.receive() {
            case .bytes(let bytes): decoder.append(bytes)
            case .nothingYet: continue
            case .end: throw .gone
            }
            if try isAccepted() { return }
        }
    }

    private mutating func isAccepted() throws(Refusal) -> Bool {
        let record: Record?
        do { record = try decoder.next() } catch { throw .said(nil) }
        guard let record else { return false }
        switch record.type {
        case .getValuesResult:
            isThere = true
            return true
        case .endRequest: throw Self.refusal(record)
        default: throw .said(nil)
        }
    }

    /// The second: sends the end of the parameters and the body, and copies the answer.
    ///
    /// - Returns: the exit status: 0 when the whole answer has been written. The server learns by the connection's end,
    ///   so by that of this process, that the web server no longer reads.
    mutating func complete() -> Int32 {
        Record(.params, id: Self.id).append(to: &outgoing)
        if bodyLeft == 0 { endBody() }
        do throws(Refusal) { return try copyAnswer() } catch { return 1 }
    }

    // MARK: One step

    /// Sends the whole of a request that has no body and may be done twice, and copies the answer.
    ///
    /// - Returns: the exit status, as ``complete()`` does.
    /// - Throws: as long as nothing has been answered; somebody else may answer then.
    mutating func ask(_ parameters: [NameValuePair]) throws(Refusal) -> Int32 {
        begin(parameters)
        Record(.params, id: Self.id).append(to: &outgoing)
        endBody()
        return try copyAnswer()
    }

    // MARK: There and back

    private mutating func begin(_ parameters: [NameValuePair]) {
        Record.begin(id: Self.id, keepConnection: false).append(to: &outgoing)
        outgoing += Record.stream(.params, id: Self.id, NameValuePair.encode(parameters)[...])
    }

    private mutating func copyAnswer() throws(Refusal) -> Int32 {
        var hasBeenAsked = false
        while true {
            if !outgoing.isEmpty, !send() { outgoing = [] }
            if answer.isEmpty, let status = try takeRecords() { return status }
            var watched = [
                pollfd(fd: connection.descriptor, events: answer.isEmpty ? Int16(POLLIN) : 0, revents: 0),
                pollfd(fd: 1, events: answer.isEmpty ? 0 : Int16(POLLOUT), revents: 0),
                pollfd(fd: wantsBody ? 0 : -1, events: Int16(POLLIN), revents: 0),
            ]
            if !outgoing.isEmpty { watched[0].events |= Int16(POLLOUT) }
            let patience = isThere ? Self.silenceLimit : Self.acceptancePatience
            guard System.wait(&watched, milliseconds: patience) else {
                if isThere { return 1 }
                // A slow function and a server that stands still look alike until the server is asked.
                if hasBeenAsked { throw .silent }
                hasBeenAsked = true
                Self.areYouThere.append(to: &outgoing)
                continue
            }
            if watched[1].revents & Int16(POLLERR | POLLHUP | POLLNVAL) != 0 { return 1 }
            if watched[1].revents != 0, !writeAnswer() { return 1 }
            if watched[2].revents != 0, !readBody() { return 1 }
            if watched[0].revents != 0, answer.isEmpty {
                switch connection.receive() {
                case .bytes(let bytes):
                    isThere = true
                    decoder.append(bytes)
                case .nothingYet: break
                case .end: if hasAnswered { return 1 } else { throw .gone }
                }
            }
        }
    }

    /// - Returns: the exit status, once the request has ended.
    private mutating func takeRecords() throws(Refusal) -> Int32? {
        while true {
            let record: Record?
            do { record = try decoder.next() } catch { if hasAnswered { return 1 } else { throw .said(nil) } }
            guard let record else { return nil }
            switch record.type {
            case .stdout where !record.content.isEmpty:
                hasAnswered = true
                answer = record.content
                // Nearly always all of it at once: a pipe holds 64 KiB.
                guard writeAnswer() else { return 1 }
                if !answer.isEmpty { return nil }
            case .stderr: _ = record.content.withUnsafeBytes { write(2, $0.baseAddress, $0.count) }
            case .endRequest:
                guard hasAnswered else { throw Self.refusal(record) }
                return record.content.prefix(4).contains { $0 != 0 } ? 1 : 0
            default: break
            }
        }
    }

    private static func refusal(_ end: Record) -> Refusal {
        .said(ProtocolStatus(rawValue: end.content.dropFirst(4).first ?? 0))
    }

    private var wantsBody: Bool { bodyLeft > 0 && !bodyEnded && outgoing.isEmpty }

    /// Exactly as many bytes as were declared, and then not to the end of input, which the web server need not close (RFC
    /// 3875 §4.2). A body that ends before is ended here too, and the server sees that it is too short.
    ///
    /// - Returns: false when the web server has broken off: what has come is no body then.
    private mutating func readBody() -> Bool {
        let wanted = min(bodyLeft, Self.pieceSize)
        var error: Int32 = 0
        let piece = [UInt8](unsafeUninitializedCapacity: wanted) { buffer, filled in
            let count = read(0, buffer.baseAddress, wanted)
            if count < 0 { error = errno }
            filled = max(0, count)
        }
        if error == EINTR || error == EAGAIN { return true }
        guard error == 0 else { return false }
        bodyLeft -= piece.count
        outgoing += Record.stream(.stdin, id: Self.id, piece[...])
        if piece.isEmpty || bodyLeft == 0 { endBody() }
        return true
    }

    private mutating func endBody() {
        bodyEnded = true
        Record(.stdin, id: Self.id).append(to: &outgoing)
    }

    /// - Returns: false when the server has gone.
    private mutating func send() -> Bool {
        while !outgoing.isEmpty {
            guard let sent = connection.send(outgoing) else { return false }
            if sent == 0 { return true }
            outgoing.removeFirst(sent)
        }
        return true
    }

    /// Writes as much as surely does not block, although standard output may be a blocking one: a pipe or socket that
    /// polls as writable takes PIPE_BUF bytes.
    ///
    /// - Returns: false when the web server no longer reads.
    private mutating func writeAnswer() -> Bool {
        while !answer.isEmpty {
            var watched = [pollfd(fd: 1, events: Int16(POLLOUT), revents: 0)]
            guard System.wait(&watched, milliseconds: 0) else { return true }
            let written = answer.prefix(Int(PIPE_BUF)).withUnsafeBytes { write(1, $0.baseAddress, $0.count) }
            if written < 0, errno != EINTR, errno != EAGAIN { return false }
            answer = answer.dropFirst(max(0, written))
        }
        return true
    }
}
