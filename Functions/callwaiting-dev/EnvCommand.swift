import ArgumentParser
import DevHost

struct EnvCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "env",
        abstract: "Print a running host's addresses and keys as shell variables: eval \"$(callwaiting-dev env)\".",
        discussion: "USER_TOKEN is an access token of the demo user, good for an hour.")

    @Option(help: "The state directory of the running host.") var state = ".callwaiting"

    func run() async throws {
        guard try StateDirectory.isHeld(state), let file = try DevFile(at: "\(state)/dev.json") else {
            throw ValidationError("no host is ready on \(state): start one with make dev")
        }
        let api = API(url: file.url)
        let session = try await api.signIn(email: file.user.email, password: file.user.password)
        await api.close()
        for (name, value) in [
            ("CALLWAITING_URL", file.url), ("AGENT_ID", file.agentId), ("AGENT_KEY", file.apiKey),
            ("USER_EMAIL", file.user.email), ("USER_PASSWORD", file.user.password),
            ("USER_TOKEN", session.accessToken), ("DEV_DATABASE_URL", file.databaseURL),
            ("EMULATORS", file.emulators.control),
        ] {
            // Inside single quotes a shell leaves everything alone but the quote itself.
            let parts = value.split(separator: "'", omittingEmptySubsequences: false)
            Terminal.line("export \(name)='\(parts.joined(separator: "'\\''"))'")
        }
    }
}
