import Glibc
import Testing

import class Foundation.Thread

@testable import WarmCGI

/// Both steps and the one, against a server whose every byte the test decides on.
@Suite struct HandoverTests {
    private static let get = [NameValuePair("REQUEST_METHOD", "GET"), NameValuePair("REQUEST_URI", "/healthz")]
    private static let head = Array("Status: 200 OK\r\n\r\n".utf8)

    @Test func `A request that may be done twice is sent whole at once, and its answer copied`() async throws {
        let outcome = await handOver { server in
            let records = server.readRecords { $0.last?.type == .stdin }
            server.write(Record(.stdout, id: 1, Self.head).bytes + Record.end(id: 1).bytes)
            return records
        }
        #expect(outcome.result == .success(0))
        #expect(outcome.output == Self.head)
        #expect(outcome.heard.map(\.type) == [.beginRequest, .params, .params, .stdin])
        #expect(Array(outcome.heard[1].content) == NameValuePair.encode(Self.get))
    }

    @Test func `A server that is slow, and says that it is there, is waited for`() async throws {
        let patience: Int64 = 1_500
        let outcome = await handOver(patience: patience) { server in
            let records = server.readRecords { $0.last?.type == .getValues }
            server.write(Record(.getValuesResult, id: 0).bytes)
            // Longer than it would be waited for otherwise.
            usleep(UInt32(patience) * 1_200)
            server.write(Record(.stdout, id: 1, Self.head).bytes + Record.end(id: 1).bytes)
            return records
        }
        #expect(outcome.result == .success(0))
        #expect(outcome.output == Self.head)
        #expect(outcome.heard.map(\.type) == [.beginRequest, .params, .params, .stdin, .getValues], "asked once")
    }

    @Test func `A server that stands still is given up, and nothing has been answered`() async throws {
        let outcome = await handOver(patience: 200) { server in
            let records = server.readRecords { $0.last?.type == .getValues }
            server.waitForEnd()
            return records
        }
        #expect(outcome.result == .failure(.silent))
        #expect(outcome.output.isEmpty)
    }

    @Test(arguments: [
        ([], Handover.Failure.gone),
        (Record.end(id: 1, .overloaded).bytes, .ended(.overloaded)),
        (Record.end(id: 1).bytes, .ended(.requestComplete)),
        (Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8), .unintelligible),
        (Array(Record(.stdout, id: 1, head).bytes.prefix(20)), .gone),
    ])
    func `What is no answer leaves the request to somebody else`(bytes: [UInt8], failure: Handover.Failure) async throws
    {
        for step in [Step.one, .two] {
            let outcome = await handOver(step) { server in
                let records = server.readRecords { $0.last?.type == (step == .one ? .stdin : .getValues) }
                server.write(bytes)
                return records
            }
            #expect(outcome.result == .failure(failure))
            #expect(outcome.output.isEmpty)
        }
    }

    @Test func `A server that dies in its answer leaves it as it is`() async throws {
        for step in [Step.one, .two] {
            let outcome = await handOver(step) { server in
                var records = server.readRecords { $0.last?.type == (step == .one ? .stdin : .getValues) }
                if step == .two {
                    server.write(Record(.getValuesResult, id: 0).bytes)
                    records += server.readRecords { $0.last?.type == .stdin }
                }
                server.write(Record(.stdout, id: 1, Self.head).bytes)
                return records
            }
            #expect(outcome.result == .success(1), "the web server learns of it")
            #expect(outcome.output == Self.head)
        }
    }

    @Test func `The end of the parameters goes only to a server that has them`() async throws {
        let outcome = await handOver(.two) { server in
            let first = server.readRecords { $0.last?.type == .getValues }
            server.write(Record(.getValuesResult, id: 0).bytes)
            let second = server.readRecords { $0.last?.type == .stdin }
            server.write(Record(.stdout, id: 1, Self.head).bytes + Record.end(id: 1, appStatus: 3).bytes)
            #expect(first.map(\.type) == [.beginRequest, .params, .getValues])
            #expect(second.map(\.type) == [.params, .stdin])
            return first + second
        }
        #expect(outcome.result == .success(1), "a status other than 0 is a failure")
    }

    @Test func `A web server that has left is nobody's fault`() async throws {
        for step in [Step.one, .two] {
            let outcome = await handOver(step, readsAnswer: false) { server in
                let records = server.readRecords { $0.last?.type == (step == .one ? .stdin : .getValues) }
                if step == .two { server.write(Record(.getValuesResult, id: 0).bytes) }
                server.waitForEnd()
                return records
            }
            #expect(outcome.result == .failure(.unwanted), "though nothing has been answered yet")
        }
    }

    @Test func `A slow web server costs no processor, though the server has long been gone`() async throws {
        let body = [UInt8](repeating: 7, count: 60_000)
        let pause = 1.0
        let outcome = await handOver(pause: pause) { server in
            let records = server.readRecords { $0.last?.type == .stdin }
            for _ in 0..<3 { server.write(Record(.stdout, id: 1, body).bytes) }
            server.write(Record.end(id: 1).bytes)
            return records
        }
        #expect(outcome.result == .success(0))
        #expect(outcome.output == body + body + body)
        #expect(outcome.processorTime < pause / 2)
    }

    // MARK: Both ends

    private enum Step { case one, two }

    private struct Outcome: Sendable {
        var result: Result<Int32, Handover.Failure>
        var output: [UInt8]
        /// What the server read.
        var heard: [Record]
        /// Seconds, of the thread that handed the request over.
        var processorTime: Double
    }

    /// The server's end of the connection, in blocking calls.
    private struct Server: Sendable {
        let descriptor: Int32

        func write(_ bytes: [UInt8]) {
            var rest = bytes[...]
            while !rest.isEmpty {
                let count = rest.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
                guard count > 0 else { return }
                rest = rest.dropFirst(count)
            }
        }

        /// Reads until `isEnough` says so, or to the end.
        func readRecords(_ isEnough: ([Record]) -> Bool) -> [Record] {
            var decoder = RecordDecoder()
            var records: [Record] = []
            while true {
                while let record = try? decoder.next() {
                    records.append(record)
                    if isEnough(records) { return records }
                }
                guard let bytes = read() else { return records }
                decoder.append(bytes)
            }
        }

        func waitForEnd() { while read() != nil {} }

        private func read() -> [UInt8]? {
            let bytes = [UInt8](unsafeUninitializedCapacity: 65_536) { buffer, count in
                count = max(0, recv(descriptor, buffer.baseAddress, buffer.count, 0))
            }
            return bytes.isEmpty ? nil : bytes
        }
    }

    /// - Parameters:
    ///   - patience: in milliseconds; long unless it is what a test is about, so that no pause of the machine decides.
    ///   - pause: seconds before the web server reads what there is of the answer.
    ///   - readsAnswer: false when the web server has left before there was one.
    ///   - serve: what the server does; then it closes the connection.
    private func handOver(
        _ step: Step = .one, patience: Int64 = 60_000, pause: Double = 0, readsAnswer: Bool = true,
        _ serve: @escaping @Sendable (Server) -> [Record]
    ) async -> Outcome {
        var (pair, pipe): ([Int32], [Int32]) = ([0, 0], [0, 0])
        precondition(
            socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &pair) == 0
                && Glibc.pipe(&pipe) == 0)
        _ = fcntl(pair[0], F_SETFL, O_NONBLOCK)
        for end in pipe { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        signal(SIGPIPE, SIG_IGN)
        if !readsAnswer { close(pipe[0]) }
        let (ours, theirs, writing, reading) = (pair[0], pair[1], pipe[1], pipe[0])
        async let heard = onThread {
            defer { close(theirs) }
            return serve(Server(descriptor: theirs))
        }
        async let output = onThread {
            guard readsAnswer else { return [UInt8]() }
            defer { close(reading) }
            // How slow the reader is, is what the processor's time is measured against.
            usleep(UInt32(pause * 1_000_000))
            var bytes: [UInt8] = []
            var buffer = [UInt8](repeating: 0, count: 65_536)
            while case let count = read(reading, &buffer, buffer.count), count > 0 { bytes += buffer[..<count] }
            return bytes
        }
        let (result, processorTime) = await onThread {
            defer { for descriptor in [ours, writing] { close(descriptor) } }
            let before = Self.processorTime
            var handover = Handover(
                ResidentConnection(descriptor: ours), bodyLength: 0, output: writing, patience: patience)
            let result: Result<Int32, Handover.Failure>
            do throws(Handover.Failure) {
                if step == .two { try handover.offer(Self.get) }
                result = .success(step == .one ? try handover.ask(Self.get) : try handover.complete())
            } catch {
                result = .failure(error)
            }
            return (result, Self.processorTime - before)
        }
        return Outcome(result: result, output: await output, heard: await heard, processorTime: processorTime)
    }

    private static var processorTime: Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    private func onThread<Result: Sendable>(_ body: @escaping @Sendable () -> Result) async -> Result {
        await withCheckedContinuation { caller in
            // Blocks, so not on a thread that others wait for.
            Thread.detachNewThread { caller.resume(returning: body()) }
        }
    }
}
