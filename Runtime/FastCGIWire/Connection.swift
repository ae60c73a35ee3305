/// The application's side of one connection from a web server: bytes in, actions out.
///
/// Feed ``receive(_:)`` and take ``next()`` until it gives nil. Several requests may be open at once, with ids of any
/// value: nginx always uses 1, HAProxy counts upwards in odd numbers for as long as the connection lives.
public struct Connection: Sendable {
    public struct Limits: Sendable {
        /// Bytes of FCGI_PARAMS held for all requests of the connection that are not complete yet.
        public var parameters = 256 * 1_024
        /// Requests open at once on one connection; the next one is refused with FCGI_OVERLOADED.
        public var openRequests = 64
        /// What FCGI_GET_VALUES is told of this process: connections, and requests, at once.
        public var advertisedConnections = 4_096
        public var advertisedRequests = 1_024

        public init() {}
    }

    public enum Action: Hashable, Sendable {
        /// The parameters are complete: answer this request, now or when its body is there.
        case request(id: UInt16, Parameters)
        /// Some of the body; never empty.
        case body(id: UInt16, ArraySlice<UInt8>)
        case bodyEnd(id: UInt16)
        /// The web server has lost interest. Call ``end(_:appStatus:)`` soon, with or without a response before it.
        case abort(id: UInt16)
        case send([UInt8])
        /// Close once what was sent has left. With `draining`, the peer may be writing still: closing at once would
        /// make its kernel throw our answer away.
        case close(draining: Bool)
        /// Close at once. Nothing follows.
        case fail(WireError)
    }

    private enum Stage {
        case parameters
        case body
        case bodyEnded
    }

    private struct Open {
        var stage = Stage.parameters
        /// What has come of FCGI_PARAMS; apart from the stage, so that it grows in place.
        var parameters: [UInt8] = []
        var keepConnection: Bool
        var ordinal: Int
    }

    private enum State {
        case open
        /// A request without FCGI_KEEP_CONN has ended: close when the last one has.
        case closing(draining: Bool)
        case closed
    }

    private let limits: Limits
    private var state = State.open
    private var decoder = RecordDecoder()
    private var requests: [UInt16: Open] = [:]
    private var parameterBytes = 0
    private var begunRequests = 0
    /// What follows the action given last.
    private var following: Action?

    public init(limits: Limits = .init()) { self.limits = limits }

    /// Requests that have begun and not ended.
    public var openRequests: Int { requests.count }

    /// The ordinal number on this connection of the oldest request whose parameters are still to come, or of the next
    /// one when a record of it has begun. It says how long the same thing has been waited for.
    public var awaitedRequest: Int? {
        if requests.isEmpty { return decoder.isInsideRecord ? begunRequests : nil }
        return requests.values.filter { $0.stage == .parameters }.map(\.ordinal).min()
    }

    /// Bytes received that no action has passed on yet: of parameters, and of a record that is not whole.
    var heldBytes: Int { parameterBytes + decoder.heldBytes }

    public mutating func receive(_ bytes: [UInt8]) {
        if case .closed = state { return }
        decoder.append(bytes)
    }

    /// What to do next about the bytes received; nil when there is nothing until more come.
    public mutating func next() -> Action? {
        if let action = following.take() { return action }
        if case .closed = state { return nil }
        do {
            while let record = try decoder.next() {
                if let action = try take(record) { return action }
            }
            return nil
        } catch {
            state = .closed
            requests = [:]
            return .fail(error)
        }
    }

    /// Ends the request. What it returns is to be sent after its last STDOUT record, and nothing of this id after that.
    ///
    /// - Returns: nil when no such request is open.
    public mutating func end(_ id: UInt16, appStatus: UInt32 = 0) -> (bytes: [UInt8], next: Action?)? {
        guard let request = requests.removeValue(forKey: id) else { return nil }
        parameterBytes -= request.parameters.count
        // The specification wants STDOUT ended even when nothing was written to it (§6.2).
        var bytes: [UInt8] = []
        bytes.reserveCapacity(3 * RecordHeader.length)
        bytes.append(bigEndian: RecordHeader(type: .stdout, id: id, contentLength: 0).word)
        Record.end(id: id, appStatus: appStatus).append(to: &bytes)
        return (bytes, closeIfDue(request.keepConnection, draining: request.stage != .bodyEnded))
    }

    private mutating func closeIfDue(_ keepConnection: Bool, draining: Bool) -> Action? {
        var draining = draining
        switch state {
        case .closed: return nil
        case .closing(let before): draining = draining || before
        case .open where keepConnection: return nil
        case .open: break
        }
        state = requests.isEmpty ? .closed : .closing(draining: draining)
        return requests.isEmpty ? .close(draining: draining) : nil
    }

    private mutating func take(_ record: Record) throws(WireError) -> Action? {
        if record.id == 0 { return try manage(record) }
        if record.type == .beginRequest { return try begin(record) }
        // "The application ignores records for inactive ids" (§3.3): the rest of a request that was refused or answered
        // early arrives in just this way.
        guard let request = requests[record.id] else { return nil }
        switch (record.type, request.stage) {
        case (.abortRequest, .parameters):
            guard let ended = end(record.id) else { return nil }
            following = ended.next
            return .send(ended.bytes)
        case (.abortRequest, _):
            return .abort(id: record.id)
        case (.params, .parameters):
            return try parameters(record)
        case (.stdin, .body) where record.content.isEmpty:
            requests[record.id]?.stage = .bodyEnded
            return .bodyEnd(id: record.id)
        case (.stdin, .body):
            return .body(id: record.id, record.content)
        case (.params, _), (.stdin, .parameters):
            throw .unexpectedRecord(record.type)
        default:
            return nil
        }
    }

    private mutating func begin(_ record: Record) throws(WireError) -> Action? {
        guard record.content.count >= 8, requests[record.id] == nil else { throw .malformedBegin }
        guard case .open = state else { return nil }
        let content = Array(record.content.prefix(3))
        let keepConnection = content[2] & 1 != 0
        if Role(rawValue: UInt16(content[0]) << 8 | UInt16(content[1])) != .responder {
            return refuse(record.id, .unknownRole, keepConnection)
        }
        if requests.count >= limits.openRequests {
            return refuse(record.id, limits.openRequests > 1 ? .overloaded : .cantMultiplex, keepConnection)
        }
        requests[record.id] = Open(keepConnection: keepConnection, ordinal: begunRequests)
        begunRequests += 1
        return nil
    }

    private mutating func refuse(_ id: UInt16, _ status: ProtocolStatus, _ keepConnection: Bool) -> Action {
        following = closeIfDue(keepConnection, draining: true)
        return .send(Record.end(id: id, status).bytes)
    }

    private mutating func parameters(_ record: Record) throws(WireError) -> Action? {
        guard record.content.isEmpty else {
            parameterBytes += record.content.count
            guard parameterBytes <= limits.parameters else { throw .parametersTooLarge(limit: limits.parameters) }
            requests[record.id]?.parameters += record.content
            return nil
        }
        let complete = requests[record.id]?.parameters ?? []
        requests[record.id]?.parameters = []
        requests[record.id]?.stage = .body
        parameterBytes -= complete.count
        return .request(id: record.id, try Parameters(complete))
    }

    /// Records about the connection itself (§4).
    private func manage(_ record: Record) throws(WireError) -> Action? {
        guard record.type == .getValues else {
            return .send(Record(.unknownType, id: 0, [record.type.rawValue, 0, 0, 0, 0, 0, 0, 0]).bytes)
        }
        let known = [
            "FCGI_MAX_CONNS": String(limits.advertisedConnections),
            "FCGI_MAX_REQS": String(limits.advertisedRequests),
            "FCGI_MPXS_CONNS": limits.openRequests > 1 ? "1" : "0",
        ]
        var answers: [NameValuePair] = []
        for asked in try Parameters(Array(record.content)).pairs {
            if let value = known[asked.name], !answers.contains(where: { $0.name == asked.name }) {
                answers.append(NameValuePair(asked.name, value))
            }
        }
        return .send(Record(.getValuesResult, id: 0, NameValuePair.encode(answers)).bytes)
    }
}
