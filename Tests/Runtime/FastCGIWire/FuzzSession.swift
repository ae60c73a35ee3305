@testable import FastCGIWire

/// One connection that is sent one wrong or right thing after the other, and what must hold whatever it is sent.
///
/// Two machines are fed the same bytes, one of them in pieces, and have to do the same. Beside them goes a list of the
/// requests that are open, made from their actions alone.
struct FuzzSession {
    struct Violation: Error, CustomStringConvertible {
        let description: String
    }

    private enum Stage { case begun, reading, bodyEnded }

    static let limits = {
        var limits = Connection.Limits()
        limits.parameters = 400
        limits.openRequests = 3
        return limits
    }()
    /// Few, so that they meet again; 0 is the connection itself.
    private static let ids: [UInt16] = [1, 1, 1, 2, 3, 4, 255, 65_535, 0]
    private var random: Randomness
    private var whole = Connection(limits: limits)
    private var split = Connection(limits: limits)
    /// The requests that are open as far as the actions tell.
    private var stages: [(id: UInt16, stage: Stage)] = []
    /// The requests that are open as far as the web server knows.
    private var sent: [(id: UInt16, stage: Stage)] = []
    private var isOver = false
    private var received = 0

    init(seed: UInt64) { random = Randomness(seed: seed) }

    /// Sends inputs until the connection has ended, at most `count`.
    ///
    /// - Returns: how many were sent.
    mutating func run(atMost count: Int) throws -> Int {
        var steps = 0
        while steps < count, !isOver {
            try step(input())
            steps += 1
        }
        // Nothing may follow an end.
        if isOver {
            whole.receive(Record.begin(id: 1, keepConnection: true).bytes)
            guard whole.next() == nil else { throw Violation(description: "an action after the end") }
        }
        return steps
    }

    // MARK: Inputs

    private mutating func input() -> [UInt8] {
        let id = Self.ids[random.below(Self.ids.count)]
        let record = random.isOne(in: 12) ? anything(id) : expected(id)
        var bytes = record.bytes
        if random.isOne(in: 40) { bytes[random.below(bytes.count)] = random.byte() }
        if random.isOne(in: 40) { bytes.removeLast(1 + random.below(bytes.count)) }
        return bytes
    }

    /// What a web server may send next for this request.
    private mutating func expected(_ id: UInt16) -> Record {
        if id == 0 { return Record(.getValues, id: 0, Self.asked) }
        guard let index = sent.firstIndex(where: { $0.id == id }) else {
            sent.append((id, .begun))
            let role: Role = random.isOne(in: 20) ? .filter : .responder
            return .begin(id: id, role: role, keepConnection: !random.isOne(in: 30))
        }
        if random.isOne(in: 9) { return Record(.abortRequest, id: id) }
        switch (sent[index].stage, random.below(3)) {
        case (.begun, 0):
            sent[index].stage = .reading
            return Record(.params, id: id)
        case (.begun, _): return Record(.params, id: id, pairs())
        case (.reading, 0):
            sent[index].stage = .bodyEnded
            return Record(.stdin, id: id)
        case (.reading, _): return Record(.stdin, id: id, bytes(1 + random.below(12)))
        case (.bodyEnded, _): return Record(.data, id: id, bytes(random.below(4)))
        }
    }

    /// What none may.
    private mutating func anything(_ id: UInt16) -> Record {
        switch random.below(5) {
        case 0:
            var record = Record.begin(id: id, keepConnection: false)
            record.content = record.content.dropLast(random.below(8))
            return record
        case 1: return Record(.params, id: id, bytes(random.below(9)))
        case 2: return Record(.stdin, id: id, bytes(random.below(3)))
        case 3: return Record(.getValues, id: 0, bytes(random.below(9)))
        default: return Record(RecordType(rawValue: random.byte()), id: id, bytes(random.below(9)))
        }
    }

    private static let asked = NameValuePair.encode(
        ["FCGI_MAX_REQS", "FCGI_MPXS_CONNS", "FCGI_OTHER"].map { NameValuePair($0, "") })
    /// A pair of each length, so that some end within a record and some do not.
    private static let pairs = [0, 3, 20, 127, 128, 200].map {
        NameValuePair.encode([NameValuePair("NAME", String(repeating: "v", count: $0))])
    }

    private mutating func pairs() -> [UInt8] {
        let pair = Self.pairs[random.below(Self.pairs.count)]
        return random.isOne(in: 4) ? Array(pair.prefix(1 + random.below(pair.count))) : pair
    }

    private mutating func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in random.byte() } }

    // MARK: What must hold

    private mutating func step(_ bytes: [UInt8]) throws {
        received += bytes.count
        whole.receive(bytes)
        let actions = Self.all(&whole)
        let cut = random.below(bytes.count + 1)
        split.receive(Array(bytes[..<cut]))
        var others = Self.all(&split)
        split.receive(Array(bytes[cut...]))
        others += Self.all(&split)
        guard actions == others else { throw Violation(description: "\(actions) whole, \(others) split at \(cut)") }
        for action in actions { try follow(action) }
        try endSome()
        guard whole.openRequests <= Self.limits.openRequests else { throw Violation(description: "too many open") }
        // What an unfinished record may announce besides.
        guard whole.heldBytes <= Self.limits.parameters + RecordHeader.length + 65_535 + 255,
            whole.heldBytes <= received
        else { throw Violation(description: "\(whole.heldBytes) bytes held") }
    }

    /// What is to be done about what has come. An aborted request is ended at once, as the handler does it.
    private static func all(_ connection: inout Connection) -> [Connection.Action] {
        var actions: [Connection.Action] = []
        while let action = connection.next() {
            actions.append(action)
            guard case .abort(let id) = action, let ended = connection.end(id) else { continue }
            actions.append(.send(ended.bytes))
            if let next = ended.next { actions.append(next) }
        }
        return actions
    }

    private mutating func follow(_ action: Connection.Action) throws {
        guard !isOver else { throw Violation(description: "\(action) after the end") }
        switch action {
        case .request(let id, _):
            guard index(of: id) == nil, id != 0 else { throw Violation(description: "\(id) requested twice") }
            stages.append((id, .reading))
        case .body(let id, let content):
            guard let index = index(of: id), stages[index].stage == .reading, !content.isEmpty else {
                throw Violation(description: "a body of \(id) out of place")
            }
        case .bodyEnd(let id):
            guard let index = index(of: id), stages[index].stage == .reading else {
                throw Violation(description: "a body of \(id) ended out of place")
            }
            stages[index].stage = .bodyEnded
        case .abort(let id):
            guard let index = index(of: id) else { throw Violation(description: "\(id) aborted, but not open") }
            stages.remove(at: index)
        case .send(let bytes):
            var decoder = RecordDecoder()
            decoder.append(bytes)
            while let record = try decoder.next() {
                guard [.endRequest, .stdout, .getValuesResult, .unknownType].contains(record.type) else {
                    throw Violation(description: "sends a record of type \(record.type.rawValue)")
                }
                if record.type == .endRequest { sent.removeAll { $0.id == record.id } }
            }
            guard !decoder.isInsideRecord else { throw Violation(description: "sends half a record") }
        case .close, .fail: isOver = true
        }
    }

    private func index(of id: UInt16) -> Int? { stages.firstIndex { $0.id == id } }

    /// Answers some of the requests, in any order, before or after their bodies have come.
    private mutating func endSome() throws {
        guard !isOver, !stages.isEmpty, random.isOne(in: 5) else { return }
        let id = stages.remove(at: random.below(stages.count)).id
        try end(id)
    }

    private mutating func end(_ id: UInt16) throws {
        guard let ended = whole.end(id), let other = split.end(id) else {
            throw Violation(description: "\(id) is open and cannot be ended")
        }
        guard ended.bytes == other.bytes, ended.next == other.next else {
            throw Violation(description: "\(id) ends differently when split")
        }
        guard whole.end(id) == nil, split.end(id) == nil else { throw Violation(description: "\(id) ended twice") }
        sent.removeAll { $0.id == id }
        if let next = ended.next { try follow(next) }
    }
}
