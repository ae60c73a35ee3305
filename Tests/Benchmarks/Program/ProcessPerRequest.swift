import DevHost
import Glibc

/// Target 4: one process a request, from fork to exit, with the usage report answered from the database.
enum ProcessPerRequest {
    /// Longest that all runs of one program take in one round, on average over those that take turns.
    private static let roundLimit = Duration.seconds(2)
    private static let runsPerRound = 100

    static func run(_ lab: Lab, _ database: BenchDatabase, into report: inout Report) async throws {
        let programs = try Programs(lab, Contenders(lab: lab, database: database))
        var figures: [String: Contest.Figures] = [:]
        var answers: [String: String] = [:]
        for round in 1...lab.effort.rounds {
            for (program, runs) in try programs.groups.flatMap(measure) {
                if program.name != programs.constant.name { answers[program.name] = runs.first.map { body(of: $0) } }
                figures[program.name, default: .init()].add(runs)
                let p50 = figures[program.name]?.p50.values.last ?? 0
                lab.say("CGI, round \(round): \(program.name) \(p50.short) ms")
            }
        }
        guard Set(answers.values).count == 1 else { throw BenchError("the answers differ: \(answers)") }
        let ours = figures[programs.cold.name]?.p50.median ?? 0
        for program in programs.all {
            guard let its = figures[program.name] else { continue }
            let isOurs = [programs.cold.name, programs.warm?.name].contains(program.name)
            report.add("CGI, fork to exit", program.name, its, ratio: isOurs ? nil : its.p50.median / ours)
        }
        judge(figures, programs, in: &report)
    }

    private static func judge(_ figures: [String: Contest.Figures], _ programs: Programs, in report: inout Report) {
        func figure(_ program: CGIProgram?) -> Samples? { program.flatMap { figures[$0.name]?.p50 } }
        if let ours = figure(programs.cold), let its = figure(programs.c) {
            let ratio = ours.pairs(its, /).median
            report.target(
                "4. CGI, cold, against C with the same libraries", wanted: "≤ 2×", measured: "\(ratio.fixed(2))×",
                ratio <= 2)
        }
        if let ours = figure(programs.warm), let its = figure(programs.constant) {
            let difference = ours.pairs(its, -).median
            report.target(
                "4. CGI, warm, beyond a static C constant", wanted: "≤ 1 ms", measured: "\(difference.fixed(2)) ms",
                difference <= 1)
        }
    }

    /// The programs one after another, again and again.
    private static func measure(_ programs: [CGIProgram]) throws -> [(CGIProgram, [CGIProgram.Run])] {
        // The first finds its files in the page cache or puts them there.
        for program in programs { _ = try program.run() }
        var runs = programs.map { ($0, [CGIProgram.Run]()) }
        let end = ContinuousClock.now + roundLimit * programs.count
        while runs[0].1.count < runsPerRound, ContinuousClock.now < end {
            for index in runs.indices { runs[index].1.append(try runs[index].0.run()) }
        }
        return runs
    }

    /// What follows the header block.
    private static func body(of run: CGIProgram.Run) -> String {
        guard let end = run.output.firstRange(of: "\r\n\r\n") else { return run.output }
        return run.output[end.upperBound...].normalizedJSON
    }
}

extension Contest.Figures {
    fileprivate mutating func add(_ runs: [CGIProgram.Run]) {
        let times = runs.map(\.milliseconds).sorted()
        p50.add(times.percentile(0.5))
        p99.add(times.percentile(0.99))
        cpu.add(runs.map(\.cpu).sorted().percentile(0.5))
    }
}

extension ProcessPerRequest {
    /// What is timed, each with the environment that a web server and its operator give it.
    struct Programs {
        let constant: CGIProgram
        let cold: CGIProgram
        /// nil where `callwaiting-cgi` has not been built.
        let warm: CGIProgram?
        /// nil where the C program has not been built.
        let c: CGIProgram?
        let others: [CGIProgram]

        /// What a target compares takes turns run by run, since the machine changes its speed from second to second.
        var groups: [[CGIProgram]] {
            [[constant, warm].compactMap { $0 }, [cold, c].compactMap { $0 }] + others.map { [$0] }
        }

        var all: [CGIProgram] { groups.flatMap { $0 } }

        init(_ lab: Lab, _ contenders: Contenders) throws {
            let path = "/api/usage-report"
            let request = [
                "GATEWAY_INTERFACE": "CGI/1.1", "REQUEST_METHOD": "GET", "SCRIPT_NAME": path, "REQUEST_URI": path,
                "QUERY_STRING": "", "SERVER_PROTOCOL": "HTTP/1.1", "SERVER_NAME": "127.0.0.1", "SERVER_PORT": "80",
                "SERVER_SOFTWARE": "bench", "REMOTE_ADDR": "127.0.0.1", "REMOTE_PORT": "1",
                "HTTP_AUTHORIZATION": "Bearer \(contenders.database.token)",
            ]
            let theirs = contenders.environment.merging(request) { $1 }
            let ours = lab.settings.merging(request) { $1 }.merging(["DATABASE_URL": contenders.database.url]) { $1 }
            func existing(_ name: String, _ executable: String, _ environment: [String: String]) -> CGIProgram? {
                guard Files.exists(executable) else { return nil }
                return CGIProgram(name: name, executable: executable, environment: environment)
            }
            constant = CGIProgram(
                name: "static C, a constant", executable: "\(lab.prepared)/c-constant", environment: theirs)
            // As an operator installs it: a symlink with the function's name.
            let link = lab.path("usage-report")
            try Files.remove(link)
            symlink(lab.callwaiting, link)
            cold = CGIProgram(name: "CallWaiting, cold", executable: link, environment: ours)
            // Its resident server leaves soon after the last request.
            let resident = "\(lab.state.path)/resident"
            try Files.createDirectory(resident, mode: 0o700)
            warm = existing(
                "CallWaiting, warm", "\(lab.callwaiting)-cgi",
                ours.merging(["CALLWAITING_RESIDENT_DIRECTORY": resident, "RESIDENT_IDLE_TIME": "10"]) { $1 })
            c = existing("C, libpq", "\(lab.prepared)/c-report", theirs)
            let php = theirs.merging([
                "REDIRECT_STATUS": "200", "SCRIPT_FILENAME": "\(lab.peers)/php/index.php",
            ]) { $1 }
            others = [
                CGIProgram(name: "Go, lib/pq", executable: "\(lab.prepared)/go-report", environment: theirs),
                CGIProgram(name: "php-cgi, PDO", executable: try lab.find("php-cgi8.2"), environment: php),
                CGIProgram(name: "Perl, DBI", executable: "\(lab.peers)/perl/usage-report.pl", environment: theirs),
                CGIProgram(
                    name: "Python, psycopg2", executable: "\(lab.peers)/python/usage_report_cgi.py",
                    environment: theirs),
            ]
        }
    }
}

extension StringProtocol {
    /// A flat JSON object with its members in alphabetical order, without white space and members that are null, for
    /// comparing.
    var normalizedJSON: String {
        String(filter { !$0.isWhitespace && $0 != "{" && $0 != "}" })
            .split(separator: ",").filter { !$0.hasSuffix(":null") }.sorted().joined(separator: ",")
    }
}
