import ArgumentParser
import CGIHost
import FunctionCore
import Glibc

/// One request from the environment (RFC 3875). Chosen without being asked for when `GATEWAY_INTERFACE` is set.
struct CGICommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cgi", abstract: "Answer one request from the environment, as a CGI program.")

    func run() async {
        Glibc.exit(await Self.respond())
    }

    /// Serves the function that the program was called as (a symlink `create-agent`), or all of them.
    ///
    /// - Returns: the process's exit status.
    static func respond() async -> Int32 {
        let program = CommandLine.arguments.first ?? ""
        do {
            let assembly = try await Assembly(
                only: functionNames(for: program), source: try await SettingsSource(), isForOneRequest: true)
            let status = await CGIProcess.serve(
                assembly.application, program: program, basePath: assembly.services.server.basePath,
                trustedProxies: assembly.services.server.trustedProxies)
            await assembly.services.shutdown()
            return status
        } catch {
            // The caller learns that we are broken; the web server's error log learns why.
            StandardError.write("callwaiting: \(error)\n")
            return await CGIProcess.serve(Unconfigured(), program: program)
        }
    }

    private static func functionNames(for program: String) -> [String] {
        let name = program.split(separator: "/").last.map(String.init) ?? ""
        return Catalogue.entries.contains { $0.name.rawValue == name } ? [name] : []
    }
}

/// Answers every request with a 500 when there is nothing to serve with.
private struct Unconfigured: Responder {
    func accept(_ head: RequestHead) -> Acceptance { .answer(refuse(Problem(.internal))) }
    func refuse(_ problem: Problem) -> Response { problem.response(instance: RequestID()) }
}
