import CGlibc

/// One request on its way to the resident server, and its answer on the way back.
///
/// What must not be done twice goes in two steps, ``offer(_:)`` and ``complete()``; what may be (RFC 9110 §9.2.1) in one,
/// ``ask(_:)``.
struct Handover {
    /// How long the server may take to show that it is there, in milliseconds.
    static let acceptancePatience: Int64 = 1_000
    /// Longest silence while the server is at work, in milliseconds: over its own longest deadline.
    static let silenceLimit: Int64 = 3_700_000
    /// Bytes of the body read at once.
    private static let pieceSize = 65_528
    private static let id: UInt16 = 1
    /// The connection itself answers, also while the request is at work (FastCGI 1.0 §4.1).
    private static let areYouThere = Record(
        .getValues, id: 0, NameValuePair.encode([NameValuePair("FCGI_MAX_REQS", "")]))

    private let connection: ResidentConnection
    /// ``acceptancePatience``, but in tests.
    private let patience: Int64
    /// Where the web server gives the body, and takes the answer.
    private let input, output: Int32
    private var decoder = RecordDecoder()
    /// What the server has not taken yet.
    private var outgoing: [UInt8] = []
    /// What the web server has not taken yet.
    private var answer: ArraySlice<UInt8> = []
    private var bodyLeft: Int
    private var bodyEnded = false
    /// The server has said something on this connection, so it does not stand still.
    private var isThere = false
    private var hasAnswered = false

    /// Why the request was not answered. Thrown to callers only while nothing of an answer has been written.
    enum Failure: Error, Equatable {
        /// The server stands still.
        case silent
        /// It has closed the connection.
        case gone
        /// It has ended the request, and said nothing but why.
        case ended(ProtocolStatus)
        /// What it says is not FastCGI.
        case unintelligible
        /// The web server does not give all of the body: `errno`.
        case unreadable(Int32)
        /// It is the web server that has left.
        case unwanted

        var text: String {
            switch self {
            case .silent: "the resident server does not answer"
            case .gone: "the resident server closed the connection"
            case .ended(let status): "the resident server ended the request without an answer (\(status))"
            case .unintelligible: "the resident server is unintelligible"
            case .unreadable(let code): "the body cannot be read: \(System.message(code))"
            case .unwanted: "the web server has left"
            }
        }
    }

    /// - Parameter bodyLength: bytes of the body; `.max` where only its end will tell.
    init(
        _ connection: ResidentConnection, bodyLength: Int, input: Int32 = 0, output: Int32 = 1,
        patience: Int64 = Self.acceptancePatience
    ) {
        self.connection = connection
        self.patience = patience
        self.input = input
        self.output = output
        bodyLeft = bodyLength
    }

    // MARK: Two steps

    /// The first: sends the parameters without their end, and asks for a sign that they have arrived, which comes in its
    /// turn. A server without the end of the parameters does not begin (FastCGI 1.0 §6.2).
    ///
    /// - Throws: ``Failure``; the request has not been begun then, and never will be.
    mutating func offer(_ parameters: [NameValuePair]) throws(Failure) {
        begin(parameters)
        Self.areYouThere.append(to: &outgoing)
        let end = System.now() + patience
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

    private mutating func isAccepted() throws(Failure) -> Bool {
        guard let record = try nextRecord() else { return false }
        switch record.type {
        case .getValuesResult:
            isThere = true
            return true
        case .endRequest: throw Self.failure(record)
        default: throw .unintelligible
        }
    }

    /// The second: sends the end of the parameters and the body, and copies the answer.
    ///
    /// - Returns: the exit status: 0 when the whole answer has been written. The server learns by the connection's end,
    ///   so by that of this process, that the web server no longer reads.
    /// - Throws: ``Failure``; how much of the request has been done nobody knows.
    mutating func complete() throws(Failure) -> Int32 {
        Record(.params, id: Self.id).append(to: &outgoing)
        if bodyLeft == 0 { endBody() }
        return try copyAnswer()
    }

    // MARK: One step

    /// Sends the whole of a request that has no body and may be done twice, and copies the answer.
    ///
    /// - Returns: the exit status, as ``complete()`` does.
    /// - Throws: ``Failure``; somebody else may answer then.
    mutating func ask(_ parameters: [NameValuePair]) throws(Failure) -> Int32 {
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

    /// - Returns: the exit status, of an answer that has been begun.
    private mutating func copyAnswer() throws(Failure) -> Int32 {
        do throws(Failure) {
            return try copyWholeAnswer()
        } catch {
            guard hasAnswered else { throw error }
            System.complain("in the middle of an answer: \(error.text)")
            return 1
        }
    }

    private mutating func copyWholeAnswer() throws(Failure) -> Int32 {
        var hasBeenAsked = false
        while true {
            if !outgoing.isEmpty, !send() { outgoing = [] }
            if answer.isEmpty, let status = try takeRecords() { return status }
            // A connection that has nothing for us to do is not watched: its end would be told again and again.
            let watchesServer = answer.isEmpty || !outgoing.isEmpty
            var watched = [
                pollfd(
                    fd: watchesServer ? connection.descriptor : -1, events: answer.isEmpty ? Int16(POLLIN) : 0,
                    revents: 0),
                pollfd(fd: output, events: answer.isEmpty ? 0 : Int16(POLLOUT), revents: 0),
                pollfd(fd: wantsBody ? input : -1, events: Int16(POLLIN), revents: 0),
            ]
            if !outgoing.isEmpty { watched[0].events |= Int16(POLLOUT) }
            guard System.wait(&watched, milliseconds: isThere ? Self.silenceLimit : patience) else {
                // A slow function and a server that stands still look alike until the server is asked.
                if isThere || hasBeenAsked { throw .silent }
                hasBeenAsked = true
                Self.areYouThere.append(to: &outgoing)
                continue
            }
            if watched[1].revents & Int16(POLLERR | POLLHUP | POLLNVAL) != 0 { throw .unwanted }
            if watched[1].revents != 0 { try writeAnswer() }
            if watched[2].revents != 0 { try readBody() }
            if watched[0].revents != 0, answer.isEmpty {
                switch connection.receive() {
                case .bytes(let bytes):
                    isThere = true
                    decoder.append(bytes)
                case .nothingYet: break
                case .end: throw .gone
                }
            }
        }
    }

    /// - Returns: the exit status, once the request has ended.
    private mutating func takeRecords() throws(Failure) -> Int32? {
        while let record = try nextRecord() {
            switch record.type {
            case .stdout where !record.content.isEmpty:
                hasAnswered = true
                answer = record.content
                // Nearly always all of it at once: a pipe holds 64 KiB.
                try writeAnswer()
                if !answer.isEmpty { return nil }
            case .stderr: _ = record.content.withUnsafeBytes { write(2, $0.baseAddress, $0.count) }
            case .endRequest:
                guard hasAnswered else { throw Self.failure(record) }
                return record.content.prefix(4).contains { $0 != 0 } ? 1 : 0
            default: break
            }
        }
        return nil
    }

    private mutating func nextRecord() throws(Failure) -> Record? {
        do { return try decoder.next() } catch { throw .unintelligible }
    }

    private static func failure(_ end: Record) -> Failure {
        ProtocolStatus(rawValue: end.content.dropFirst(4).first ?? 0).map { .ended($0) } ?? .unintelligible
    }

    private var wantsBody: Bool { bodyLeft > 0 && !bodyEnded && outgoing.isEmpty }

    /// Exactly as many bytes as were declared, and then not to the end of input, which the web server need not close (RFC
    /// 3875 §4.2). A body that ends before is ended here too, and the server sees that it is too short.
    ///
    /// - Throws: ``Failure/unreadable(_:)`` when the web server has broken off: what has come is no body then.
    private mutating func readBody() throws(Failure) {
        let wanted = min(bodyLeft, Self.pieceSize)
        var error: Int32 = 0
        let piece = [UInt8](unsafeUninitializedCapacity: wanted) { buffer, filled in
            let count = read(input, buffer.baseAddress, wanted)
            if count < 0 { error = errno }
            filled = max(0, count)
        }
        if error == EINTR || error == EAGAIN { return }
        guard error == 0 else { throw .unreadable(error) }
        bodyLeft -= piece.count
        outgoing += Record.stream(.stdin, id: Self.id, piece[...])
        if piece.isEmpty || bodyLeft == 0 { endBody() }
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
    /// - Throws: ``Failure/unwanted`` when the web server no longer reads.
    private mutating func writeAnswer() throws(Failure) {
        while !answer.isEmpty {
            var watched = [pollfd(fd: output, events: Int16(POLLOUT), revents: 0)]
            guard System.wait(&watched, milliseconds: 0) else { return }
            let written = answer.prefix(Int(PIPE_BUF)).withUnsafeBytes { write(output, $0.baseAddress, $0.count) }
            if written < 0, errno != EINTR, errno != EAGAIN { throw .unwanted }
            answer = answer.dropFirst(max(0, written))
        }
    }
}
