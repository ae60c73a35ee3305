import DevHost
import FunctionCore
import Glibc

/// Drill 5: no room for recordings.
enum FullDisk {
    private static let attempts = 5

    static func run(_ place: Place) async throws -> Outcome {
        place.say("5: a full disk")
        let start = ContinuousClock.now
        let disk = "\(place.state.path)/small-disk"
        try Files.createDirectory(disk, mode: 0o700)
        guard mount("tmpfs", disk, "tmpfs", 0, "size=1m") == 0 else {
            place.say("5: skipped, since only root may mount a small disk")
            return Outcome(
                drill: "5 a full disk (skipped: not root)", runs: 0, faults: [:], violations: [], time: .zero)
        }
        defer { umount2(disk, Int32(MNT_DETACH)) }
        let world = try await World(place, "disk", servers: 1, changes: ["AUDIO_DIRECTORY": disk])
        let agent = try await world.agent(seconds: 3_600, key: [UInt8].random(count: 16).hex)
        var violations: [String] = []
        func expect(_ status: Int, _ code: String?, _ when: String) async {
            let answer = await world.ask(agent)
            if answer?.status != status || answer?.code != code {
                violations.append("\(when): \(answer.map { "\($0)" } ?? "no answer")")
            }
        }
        await expect(200, nil, "with room")
        fill("\(disk)/filler")
        for _ in 0..<attempts { await expect(503, "storage_unavailable", "without room") }
        violations += try await world.violations(of: agent, replies: 1)
        unlink("\(disk)/filler")
        await expect(200, nil, "with room again")
        violations += try await world.violations(of: agent, replies: 2)
        try await world.end()
        return Outcome(
            drill: "5 a full disk", runs: attempts + 2, faults: ["recordings without room": attempts],
            violations: violations, time: start.duration(to: .now))
    }

    private static func fill(_ path: String) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        defer { close(descriptor) }
        let page = [UInt8](repeating: 0, count: 4_096)
        while write(descriptor, page, page.count) > 0 {}
    }
}
