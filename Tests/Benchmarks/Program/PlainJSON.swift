/// Target 1: a constant JSON answer over FastCGI behind nginx. What is measured is the way there and back.
enum PlainJSON {
    static func run(_ lab: Lab, _ database: BenchDatabase, into report: inout Report) async throws {
        let all = Contenders(lab: lab, database: database)
        let contenders = [all.ours, all.bare, all.php, all.go, all.express, all.fastAPI]
        let figures = try await Contest(
            lab: lab, contenders: contenders, path: "/healthz", fields: [:], rate: 2_000
        ).run()
        guard let ours = figures[all.ours.name], let php = figures[all.php.name], let go = figures[all.go.name] else {
            return
        }
        for contender in contenders {
            guard let its = figures[contender.name] else { continue }
            report.add(
                "plain JSON", contender.name, its,
                ratio: contender.name == all.ours.name
                    ? nil : ours.requestsPerSecond.median / its.requestsPerSecond.median)
        }
        for (name, its) in [("php-fpm", php), ("Go", go)] {
            let ratio = ours.requestsPerSecond.median / its.requestsPerSecond.median
            report.target(
                "1. plain JSON, requests/s against \(name)", wanted: "≥ 2×", measured: "\(ratio.fixed(2))×", ratio >= 2)
        }
        let cpu = ours.cpu.median / php.cpu.median
        report.target(
            "1. plain JSON, CPU a request against php-fpm", wanted: "≤ 0.4×", measured: "\(cpu.fixed(2))×", cpu <= 0.4)
    }
}
