import Glibc
import Testing

@testable import DevHost

@Suite struct SupervisorTests {
    @Test func linesOfAProgramAreLoggedUnderItsName() async throws {
        try await withTemporaryDirectory { directory in
            let (supervisor, state) = try await Supervisor.make(in: directory)
            let status = try await supervisor.run(
                "talker", Command("/bin/sh", ["-c", "echo one; echo two >&2; printf unfinished"]))
            #expect(status == .code(0))
            #expect(try state.logText() == "talker | one\ntalker | two\ntalker | unfinished\n")
            try state.cleanUp()
        }
    }

    @Test func watchingAProgramThatSaysNothingMoreCostsNothing() async throws {
        func secondsOfChildren() -> Double {
            var usage = rusage()
            getrusage(RUSAGE_CHILDREN.rawValue, &usage)
            return [usage.ru_utime, usage.ru_stime].reduce(0) { $0 + Double($1.tv_sec) + Double($1.tv_usec) / 1e6 }
        }
        try await withTemporaryDirectory { directory in
            let (supervisor, state) = try await Supervisor.make(in: directory)
            let before = secondsOfChildren()
            let silent = Command("/bin/sh", ["-c", "exec >/dev/null 2>&1; sleep 8"])
            #expect(try await supervisor.run("silent", silent) == .code(0))
            // Spinning would have cost up to eight; what other tests have run in the meantime counts too.
            #expect(secondsOfChildren() - before < 3, "its watcher waits, and does not spin")
            try state.cleanUp()
        }
    }

    @Test func aProgramsExitStatusIsPassedOn() async throws {
        try await withTemporaryDirectory { directory in
            let (supervisor, state) = try await Supervisor.make(in: directory)
            #expect(try await supervisor.run("seven", Command("/bin/sh", ["-c", "exit 7"])) == .code(7))
            let killed = try await supervisor.run("killed", Command("/bin/sh", ["-c", "kill -9 $$"]))
            #expect(killed == .code(128 + SIGKILL))
            #expect(try await supervisor.run("missing", Command("/nowhere/at/all")) == .code(127))
            #expect(try state.logText().contains("missing | start /nowhere/at/all: No such file or directory"))
            try state.cleanUp()
        }
    }

    @Test func aProgramHasNothingOfOursButTheLifeline() async throws {
        try await withTemporaryDirectory { directory in
            let (supervisor, state) = try await Supervisor.make(in: directory)
            setenv("DEVHOST_TEST_SECRET", "leaked", 1)
            defer { unsetenv("DEVHOST_TEST_SECRET") }
            _ = try await supervisor.run("env", Command("/usr/bin/env", environment: ["ONLY": "this"]))
            _ = try await supervisor.run("fds", Command("/bin/sh", ["-c", "cd /proc/$$/fd; echo *"]))
            let lines = try state.logText().split(separator: "\n")
            #expect(lines.contains("env | ONLY=this"))
            #expect(!lines.contains { $0.contains("leaked") })
            // 4 is the shell's own, which reads the directory; it would have another number if that one were taken.
            #expect(lines.contains("fds | 0 1 2 3 4"), "\(lines)")
            try state.cleanUp()
        }
    }

    @Test func stoppingAsksTheProgramAndWaitsForIt() async throws {
        try await withTemporaryDirectory { directory in
            let (supervisor, state) = try await Supervisor.make(in: directory)
            let program = try supervisor.start(
                "polite",
                Command(
                    "/bin/sh", ["-c", "trap 'echo bye; exit 3' INT; echo ready; while :; do sleep 0.05; done"],
                    environment: Command.plainEnvironment()),
                endSignal: SIGINT)
            try await eventually("ready") { try state.logText().contains("ready") }
            #expect(await program.stop() == .code(3))
            #expect(try state.logText().contains("polite | bye"))
            try state.cleanUp()
        }
    }

    @Test func aProgramThatDoesNotEndWhenAskedIsKilledAfterItsGrace() async throws {
        try await withTemporaryDirectory { directory in
            let (supervisor, state) = try await Supervisor.make(in: directory)
            let program = try supervisor.start(
                "deaf",
                Command(
                    "/bin/sh", ["-c", "trap '' TERM; echo $$; while :; do sleep 0.05; done"],
                    environment: Command.plainEnvironment()), grace: 1)
            let processID = try await processID(named: "deaf", in: state)
            #expect(await program.stop() == .signal(SIGKILL))
            try await eventually("the program's end") { !isAlive(processID) }
            try state.cleanUp()
        }
    }

    @Test func aProgramThatEndsByItselfIsReported() async throws {
        try await withTemporaryDirectory { directory in
            let (supervisor, state) = try await Supervisor.make(in: directory)
            _ = try supervisor.start("short", Command("/bin/sh", ["-c", "exit 4"]))
            let end = try #require(await supervisor.unexpectedEnds.first { _ in true })
            #expect(end.name == "short")
            #expect(end.status == .code(4))
            try state.cleanUp()
        }
    }

    /// The host is killed by a signal that it cannot catch; what it ran must not outlive it, deaf or not.
    @Test(arguments: ["", "trap '' TERM; "])
    func programsEndWhenTheirHostIsKilled(prologue: String) async throws {
        try await withTemporaryDirectory { directory in
            let output = "\(directory)/state/logs/\(Supervisor.logName)"
            let host = try startHost(in: directory, script: "\(prologue)echo $$; while :; do sleep 0.05; done")
            try await eventually("the program's first line") { try Files.read(output)?.contains("\n") == true }
            let line = try #require(try Files.read(output)?.split(separator: "\n").first)
            let program = try #require(pid_t(line.dropFirst("program | ".count)))
            let watcher = try parent(of: program)
            let sockets = try #require(try Files.read("\(directory)/state/sockets"))
            #expect(isAlive(program) && isAlive(watcher) && Files.isDirectory(sockets))

            host.signal(SIGKILL)
            #expect(await host.exitStatus == .signal(SIGKILL))
            // The next start waits for the leftovers, then cleans up.
            let state = try await StateDirectory("\(directory)/state")
            // Whoever inherits a dead process takes its time to ask how it ended.
            try await eventually("the end of both") { !isAlive(program) && !isAlive(watcher) }
            #expect(!Files.exists(sockets))
            try state.cleanUp()
        }
    }

    @Test func aKilledWatcherIsReportedAsItsProgramsEnd() async throws {
        try await withTemporaryDirectory { directory in
            let (supervisor, state) = try await Supervisor.make(in: directory)
            let program = try supervisor.start(
                "reader", Command("/bin/sh", ["-c", "echo $$; read line <&3; exit 0"]))
            let processID = try await processID(named: "reader", in: state)
            kill(program.processID, SIGKILL)
            let end = try #require(await supervisor.unexpectedEnds.first { _ in true })
            #expect(end.status == .signal(SIGKILL))
            kill(processID, SIGKILL)
            try await eventually("the program's end") { !isAlive(processID) }
            try state.cleanUp()
        }
    }

    private func startHost(in directory: String, script: String) throws -> ChildProcess {
        let null = open("/dev/null", O_RDWR | O_CLOEXEC)
        defer { close(null) }
        let command = Command(
            try devExecutable(),
            ["supervise", "--state", "\(directory)/state", "--grace", "1", "--", "/bin/sh", "-c", script],
            environment: Command.plainEnvironment())
        return try ChildProcess.start(command, descriptors: [null, null, null])
    }

    private func processID(named name: String, in state: StateDirectory) async throws -> pid_t {
        try await eventually("the first line of \(name)") { try state.logText().contains("\n") }
        let line = try #require(try state.logText().split(separator: "\n").first)
        return try #require(pid_t(line.dropFirst("\(name) | ".count)))
    }

    private func parent(of processID: pid_t) throws -> pid_t {
        let stat = try #require(try Files.read("/proc/\(processID)/stat"))
        let end = try #require(stat.lastIndex(of: ")"))
        return try #require(pid_t(stat[end...].split(separator: " ")[2]))
    }
}
