import FastCGIWire
import Testing

@Suite("FastCGI connection")
struct ConnectionTests {
    typealias Action = Connection.Action
    static let pairs = [NameValuePair("REQUEST_METHOD", "POST"), NameValuePair("EMPTY", "")]

    /// All actions for these records.
    static func actions(_ connection: inout Connection, _ records: [Record]) -> [Action] {
        connection.receive(records.flatMap(\.bytes))
        return all(&connection)
    }

    static func all(_ connection: inout Connection) -> [Action] {
        var actions: [Action] = []
        while let action = connection.next() { actions.append(action) }
        return actions
    }

    static func request(_ id: UInt16, keepConnection: Bool = true, body: [UInt8]? = [1, 2, 3]) -> [Record] {
        [
            .begin(id: id, keepConnection: keepConnection), Record(.params, id: id, NameValuePair.encode(pairs)),
            Record(.params, id: id),
        ] + (body.map { [Record(.stdin, id: id, $0), Record(.stdin, id: id)] } ?? [])
    }

    static func expected(_ id: UInt16) -> [Action] {
        [.request(id: id, Parameters(pairs)), .body(id: id, [1, 2, 3]), .bodyEnd(id: id)]
    }

    static func ending(_ id: UInt16) -> [UInt8] { Record(.stdout, id: id).bytes + Record.end(id: id).bytes }

    @Test("a request gives its parameters, its body and the body's end", arguments: [1, 3, 32_767, 65_535] as [UInt16])
    func wholeRequest(_ id: UInt16) {
        var connection = Connection()
        #expect(Self.actions(&connection, Self.request(id)) == Self.expected(id))
    }

    @Test("a request that comes a byte at a time gives the same")
    func byteByByte() {
        var connection = Connection()
        var actions: [Action] = []
        for byte in Self.request(1).flatMap(\.bytes) {
            connection.receive([byte])
            actions += Self.all(&connection)
        }
        #expect(actions == Self.expected(1))
    }

    @Test("parameters split into two records at any byte give the same")
    func splitParameters() {
        let bytes = NameValuePair.encode(Self.pairs + [NameValuePair("LONG", String(repeating: "x", count: 200))])
        for split in 1..<bytes.count {
            var connection = Connection()
            let records: [Record] = [
                .begin(id: 1, keepConnection: true), Record(.params, id: 1, Array(bytes[..<split])),
                Record(.params, id: 1, Array(bytes[split...])), Record(.params, id: 1),
            ]
            guard case .request(1, let parameters) = Self.actions(&connection, records).first else {
                Issue.record("split at \(split)")
                continue
            }
            #expect(parameters.pairs.count == 3)
        }
    }

    @Test("a body split over many records arrives whole and in order")
    func splitBody() {
        var connection = Connection()
        let body = (0..<1_000).map { UInt8(truncatingIfNeeded: $0) }
        _ = Self.actions(&connection, Self.request(1, body: nil))
        let actions = Self.actions(&connection, body.map { Record(.stdin, id: 1, [$0]) } + [Record(.stdin, id: 1)])
        let joined = actions.flatMap { if case .body(1, let bytes) = $0 { Array(bytes) } else { [UInt8]() } }
        #expect(joined == body)
        #expect(actions.last == .bodyEnd(id: 1))
    }

    @Test("an ended request that wanted the connection kept leaves it open, with its id free")
    func keepsConnection() {
        var connection = Connection()
        for _ in 0..<3 {
            #expect(Self.actions(&connection, Self.request(1)) == Self.expected(1))
            let ended = connection.end(1)
            #expect(ended?.bytes == Self.ending(1))
            #expect(ended?.next == nil)
        }
        #expect(connection.openRequests == 0)
    }

    @Test("an ended request that did not want it kept closes it, draining what the peer still writes")
    func closesConnection() {
        var complete = Connection()
        _ = Self.actions(&complete, Self.request(1, keepConnection: false))
        let completeEnd = complete.end(1)
        #expect(completeEnd != nil && completeEnd?.next == .close(draining: false))

        var early = Connection()
        _ = Self.actions(&early, Self.request(1, keepConnection: false, body: nil))
        let earlyEnd = early.end(1)
        #expect(earlyEnd != nil && earlyEnd?.next == .close(draining: true))
        #expect(Self.actions(&early, [Record(.stdin, id: 1, [1])]) == [])
    }

    @Test("nothing can be ended twice")
    func endsOnce() {
        var connection = Connection()
        _ = Self.actions(&connection, Self.request(1))
        let (first, second, other) = (connection.end(1), connection.end(1), connection.end(2))
        #expect(first != nil)
        #expect(second == nil)
        #expect(other == nil)
    }

    @Test("requests interleaved on one connection are told apart")
    func multiplexes() {
        var connection = Connection()
        let (one, three) = (Self.request(1), Self.request(3))
        let actions = Self.actions(&connection, zip(one, three).flatMap { [$0, $1] })
        #expect(actions.filter { "\($0)".contains("id: 1") } == Self.expected(1))
        #expect(actions.filter { "\($0)".contains("id: 3") } == Self.expected(3))
        let ended3 = connection.end(3)
        #expect(ended3 != nil && ended3?.next == nil)
        let ended1 = connection.end(1)
        #expect(ended1 != nil && ended1?.next == nil)
    }

    @Test("the connection closes only when the last of several requests has ended")
    func closesAfterLast() {
        var connection = Connection()
        _ = Self.actions(&connection, Self.request(1, keepConnection: false) + Self.request(3, body: nil))
        let ended1 = connection.end(1)
        #expect(ended1 != nil && ended1?.next == nil)
        #expect(Self.actions(&connection, [Record(.stdin, id: 3, [9])]) == [.body(id: 3, [9])])
        #expect(Self.actions(&connection, [.begin(id: 5, keepConnection: true)]) == [])
        let ended3 = connection.end(3)
        #expect(ended3 != nil && ended3?.next == .close(draining: true))
    }

    @Test(
        "records of a request that is not open are ignored",
        arguments: [RecordType.params, .stdin, .data, .abortRequest, .stdout])
    func ignoresInactive(_ type: RecordType) {
        var connection = Connection()
        #expect(Self.actions(&connection, [Record(type, id: 7, [1, 2, 3])]) == [])
        #expect(Self.actions(&connection, Self.request(1)) == Self.expected(1))
    }

    @Test("aborting tells the application; aborting before it knew of the request is answered at once")
    func aborts() {
        var connection = Connection()
        _ = Self.actions(&connection, Self.request(1, body: nil))
        #expect(Self.actions(&connection, [Record(.abortRequest, id: 1)]) == [.abort(id: 1)])

        let early: [Record] = [.begin(id: 3, keepConnection: false), Record(.abortRequest, id: 3)]
        #expect(Self.actions(&connection, early) == [.send(Self.ending(3))])
        #expect(connection.openRequests == 1)
    }

    @Test("roles that are not the responder's are refused", arguments: [0, 2, 3, 999] as [UInt16])
    func refusesRole(_ role: UInt16) {
        var connection = Connection()
        let begin = Record(.beginRequest, id: 1, [UInt8(role >> 8), UInt8(role & 255), 1, 0, 0, 0, 0, 0])
        #expect(Self.actions(&connection, [begin]) == [.send(Record.end(id: 1, .unknownRole).bytes)])
        #expect(connection.openRequests == 0)
    }

    @Test("a refused request that did not want the connection kept closes it")
    func refusedAndClosed() {
        var connection = Connection()
        let begin = Record(.beginRequest, id: 1, [0, 2, 0, 0, 0, 0, 0, 0])
        #expect(
            Self.actions(&connection, [begin]) == [
                .send(Record.end(id: 1, .unknownRole).bytes), .close(draining: true),
            ])
    }

    @Test("requests that only ever begin are refused beyond the bound, and take no more memory")
    func bounded() {
        var limits = Connection.Limits()
        limits.openRequests = 4
        var connection = Connection(limits: limits)
        var refused = 0
        for id in 1...UInt16(1_000) {
            for action in Self.actions(&connection, [.begin(id: id, keepConnection: true)]) {
                #expect(action == .send(Record.end(id: id, .overloaded).bytes))
                refused += 1
            }
        }
        #expect(refused == 996)
        #expect(connection.openRequests == 4)
    }

    @Test("where one request at a time is taken, a second is told that it cannot be multiplexed")
    func cannotMultiplex() {
        var limits = Connection.Limits()
        limits.openRequests = 1
        var connection = Connection(limits: limits)
        let records: [Record] = [.begin(id: 1, keepConnection: true), .begin(id: 2, keepConnection: true)]
        #expect(Self.actions(&connection, records) == [.send(Record.end(id: 2, .cantMultiplex).bytes)])
    }

    @Test("parameters beyond the bound end the connection, counted over all its requests")
    func boundsParameters() {
        var limits = Connection.Limits()
        limits.parameters = 1_000
        var connection = Connection(limits: limits)
        let half = [UInt8](repeating: 0, count: 500)
        let records: [Record] = [
            .begin(id: 1, keepConnection: true), .begin(id: 2, keepConnection: true), Record(.params, id: 1, half),
            Record(.params, id: 2, half),
        ]
        #expect(Self.actions(&connection, records) == [])
        #expect(Self.actions(&connection, [Record(.params, id: 1, [0])]) == [.fail(.parametersTooLarge(limit: 1_000))])
        #expect(Self.actions(&connection, Self.request(3)) == [])
    }

    @Test("parameters of finished requests no longer count")
    func releasesParameters() {
        var limits = Connection.Limits()
        limits.parameters = 100
        var connection = Connection(limits: limits)
        for _ in 0..<20 {
            #expect(Self.actions(&connection, Self.request(1)) == Self.expected(1))
            _ = connection.end(1)
        }
        for _ in 0..<20 {
            let aborted: [Record] = [
                .begin(id: 1, keepConnection: true), Record(.params, id: 1, [UInt8](repeating: 1, count: 60)),
                Record(.abortRequest, id: 1),
            ]
            #expect(Self.actions(&connection, aborted) == [.send(Self.ending(1))])
        }
    }

    static let violations: [(String, [Record], WireError)] = [
        (
            "a begun request begun again", [.begin(id: 1, keepConnection: true), .begin(id: 1, keepConnection: true)],
            .malformedBegin
        ),
        ("a begin of seven bytes", [Record(.beginRequest, id: 1, [0, 1, 0, 0, 0, 0, 0])], .malformedBegin),
        (
            "a body before the parameters are complete",
            [.begin(id: 1, keepConnection: true), Record(.stdin, id: 1, [1])], .unexpectedRecord(.stdin)
        ),
        ("parameters after they were complete", request(1) + [Record(.params, id: 1, [1])], .unexpectedRecord(.params)),
        (
            "parameters that do not add up",
            [.begin(id: 1, keepConnection: true), Record(.params, id: 1, [9, 9, 9]), Record(.params, id: 1)],
            .malformedPairs
        ),
        ("values asked for that do not add up", [Record(.getValues, id: 0, [200])], .malformedPairs),
    ]

    @Test("a violation ends the connection and nothing follows", arguments: violations.indices)
    func fails(_ index: Int) {
        let (name, records, error) = Self.violations[index]
        var connection = Connection()
        #expect(Self.actions(&connection, records).last == .fail(error), "\(name)")
        #expect(Self.actions(&connection, Self.request(9)) == [])
    }

    @Test("values asked for are told, unknown ones left out, and the connection stays")
    func getValues() {
        var connection = Connection()
        let asked = ["FCGI_MPXS_CONNS", "FCGI_MAX_REQS", "FCGI_UNHEARD_OF", "FCGI_MAX_CONNS"].map {
            NameValuePair($0, "")
        }
        let told = [
            NameValuePair("FCGI_MPXS_CONNS", "1"), NameValuePair("FCGI_MAX_REQS", "1024"),
            NameValuePair("FCGI_MAX_CONNS", "4096"),
        ]
        #expect(
            Self.actions(&connection, [Record(.getValues, id: 0, NameValuePair.encode(asked))])
                == [.send(Record(.getValuesResult, id: 0, NameValuePair.encode(told)).bytes)])
        #expect(Self.actions(&connection, Self.request(1)) == Self.expected(1))
    }

    @Test("a management record of another type is answered as unknown", arguments: [10, 11, 12, 255] as [UInt8])
    func unknownType(_ type: UInt8) {
        var connection = Connection()
        #expect(
            Self.actions(&connection, [Record(RecordType(rawValue: type), id: 0, [1, 2])])
                == [.send(Record(.unknownType, id: 0, [type, 0, 0, 0, 0, 0, 0, 0]).bytes)])
    }

    @Test("a record of unknown type within a request is ignored")
    func unknownApplicationType() {
        var connection = Connection()
        _ = Self.actions(&connection, Self.request(1, body: nil))
        #expect(Self.actions(&connection, [Record(RecordType(rawValue: 77), id: 1, [1])]) == [])
    }

    @Test("an HTTP client is told from FastCGI by its first byte")
    func refusesHTTP() {
        var connection = Connection()
        connection.receive(Array("HEAD / HTTP/1.1\r\n".utf8))
        #expect(Self.all(&connection) == [.fail(.unsupportedVersion(72))])
    }
}
