import Glibc
import Testing

@testable import DevHost

@Suite struct StateDirectoryTests {
    @Test func aSecondHostOnOneDirectoryIsToldWhoHoldsIt() async throws {
        try await withTemporaryDirectory { directory in
            let first = try await StateDirectory(directory)
            let error = await #expect(throws: StateDirectory.InUse.self) { try await StateDirectory(directory) }
            #expect(error?.holder == "\(getpid())")
            #expect(error?.path == directory)
            try first.cleanUp()
        }
    }

    @Test func theDirectoryIsFreeOnceItsHolderLetsGo() async throws {
        try await withTemporaryDirectory { directory in
            for _ in 0..<2 {
                let state = try await StateDirectory(directory)
                #expect(Files.isDirectory(state.sockets))
                try state.cleanUp()
                #expect(!Files.exists(state.sockets))
            }
        }
    }

    @Test func socketPathsStayShortUnderALongDirectory() async throws {
        try await withTemporaryDirectory { directory in
            let state = try await StateDirectory("\(directory)/\(String(repeating: "long", count: 40))")
            #expect("\(state.sockets)/postgres/.s.PGSQL.5432".utf8.count <= 107)
            try state.cleanUp()
        }
    }

    @Test func whatAKilledHostLeftIsCleanedUp() async throws {
        try await withTemporaryDirectory { directory in
            let left = "\(StateDirectory.socketPrefix)test-\(UInt64.random(in: 0 ... .max))"
            try Files.createDirectory("\(left)/deeper", mode: 0o700)
            try Files.write(left, to: "\(directory)/sockets", mode: 0o600)
            try Files.write("{}", to: "\(directory)/dev.json", mode: 0o600)
            let state = try await StateDirectory(directory)
            #expect(!Files.exists(left))
            #expect(!Files.exists(state.devFile))
            try state.cleanUp()
        }
    }

    @Test(arguments: ["/etc", "/tmp", "/tmp/callwaiting-x/../other", ""])
    func cleaningUpRemovesNothingThatIsNotOurs(named: String) async throws {
        try await withTemporaryDirectory { directory in
            try Files.write(named, to: "\(directory)/sockets", mode: 0o600)
            let state = try await StateDirectory(directory)
            #expect(named.isEmpty || named.contains("..") || Files.isDirectory(named))
            try state.cleanUp()
        }
    }

    @Test func resettingKeepsTheLocks() async throws {
        try await withTemporaryDirectory { directory in
            try Files.createDirectory("\(directory)/audio", mode: 0o700)
            try Files.write("x", to: "\(directory)/audio/1.mp3", mode: 0o600)
            let state = try await StateDirectory(directory)
            try state.reset()
            #expect(try Files.names(in: directory).sorted() == ["leftovers.lock", "lock", "sockets"])
            await #expect(throws: StateDirectory.InUse.self) { try await StateDirectory(directory) }
            try state.cleanUp()
        }
    }
}
