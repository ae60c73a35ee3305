import Glibc
import Testing

@testable import DevHost

@Suite struct DevFileTests {
    private let file = DevFile(
        url: "http://127.0.0.1:3000", databaseURL: "postgresql://postgres@/callwaiting?host=/tmp/x&port=5432",
        agentId: "6d1f9b6e-0000-4000-8000-000000000000", apiKey: "agt_0123",
        user: .init(email: "demo@callwaiting.test", password: "secret"),
        emulators: .init(openai: "http://a", minimax: "http://b", flutterwave: "http://c", control: "http://d"))

    @Test func whatIsWrittenIsReadBack() async throws {
        try await withTemporaryDirectory { directory in
            let path = "\(directory)/dev.json"
            #expect(try DevFile(at: path) == nil)
            try file.write(to: path)
            #expect(try DevFile(at: path) == file)
        }
    }

    @Test func onlyItsOwnerCanReadIt() async throws {
        try await withTemporaryDirectory { directory in
            let path = "\(directory)/dev.json"
            try file.write(to: path)
            var status = stat()
            #expect(stat(path, &status) == 0 && status.st_mode & 0o777 == 0o600)
        }
    }

    @Test func shellsAndScriptsFindUnescapedAddresses() async throws {
        try await withTemporaryDirectory { directory in
            let path = "\(directory)/dev.json"
            try file.write(to: path)
            #expect(try Files.read(path)?.contains("\"url\" : \"http://127.0.0.1:3000\"") == true)
        }
    }
}

@Suite struct WatcherTests {
    @Test func instructionsSurviveBeingArguments() {
        let instructions = Watcher.Instructions(
            name: "postgres", log: "/x/dev.log", echo: true, endSignal: SIGINT, grace: 5,
            program: ["/bin/echo", "", "a b"])
        #expect(Watcher.Instructions(arguments: ["callwaiting-dev"] + instructions.arguments) == instructions)
    }

    @Test(arguments: [[], ["callwaiting-dev"], ["callwaiting-dev", "serve"], ["callwaiting-dev", "watch", "x"]])
    func otherArgumentsAreNoInstructions(arguments: [String]) {
        #expect(Watcher.Instructions(arguments: arguments) == nil)
    }

    @Test(arguments: [
        (Int32(0), Termination.code(0)), (Int32(0x0300), .code(3)), (Int32(9), .signal(9)), (Int32(0x8B), .signal(11)),
    ])
    func waitStatusesAreRead(raw: Int32, status: Termination) {
        #expect(Termination(waitStatus: raw) == status)
    }
}
