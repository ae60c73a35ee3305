import ArgumentParser
import CGIHost
import FunctionService
import Glibc

/// The program: one request as a CGI program when the web server says so, a command otherwise.
///
/// CGI is looked for before arguments are: a query without `=` arrives as arguments (RFC 3875 §4.4), which must not
/// become commands. Without arguments, but with a listening socket as descriptor 0, it is a FastCGI server: that is how
/// cgi-fcgi, and whoever lists only a path, starts one. `main` is synchronous and never returns, because an asynchronous
/// one costs 5–14 ms at exit.
@main
enum Main {
    static func main() {
        Handover.prepare()
        CGIProcess.prepare()
        let isCGI = CGIProcess.isCGI
        Task.detached {
            if isCGI { Glibc.exit(await CGICommand.respond()) }
            await CallWaiting.runToExit(isFastCGI ? ["fastcgi"] : nil)
        }
        while true { pause() }
    }

    /// Without a word of what to do, but with a socket to do it on, now or before a reload.
    private static var isFastCGI: Bool {
        CommandLine.arguments.count <= 1 && (CGIProcess.hasListeningInput || Handover.ofThisProcess != nil)
    }
}

/// `callwaiting <command>`.
struct CallWaiting: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "callwaiting",
        abstract: "A backend for AI voice agents, and the runtime that runs it.",
        subcommands: [
            FastCGICommand.self, HTTPCommand.self, CGICommand.self, ResidentCommand.self, WorkerCommand.self,
            MigrateCommand.self, PaymentsCommand.self,
            CheckCommand.self, FunctionsCommand.self, UsersCommand.self, SettingsCommand.self,
        ])

    /// - Parameter arguments: nil for the command line's.
    static func runToExit(_ arguments: [String]?) async -> Never {
        do {
            var command = try parseAsRoot(arguments)
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
            Glibc.exit(0)
        } catch let error as SettingsError {
            StandardError.write("callwaiting: settings are missing or wrong\n\(error)\n")
            Glibc.exit(78)  // EX_CONFIG of sysexits.h
        } catch {
            exit(withError: error)
        }
    }
}

enum StandardError {
    static func write(_ text: String) {
        let bytes = Array(text.utf8)
        _ = bytes.withUnsafeBytes { Glibc.write(2, $0.baseAddress, $0.count) }
    }
}
