import ArgumentParser
import FunctionService

/// Where a process shows its status page.
struct AdminOption: ParsableArguments {
    @Option(help: "Serve the status page here: PATH of a Unix socket, or HOST:PORT on the loopback interface.")
    var admin: String?

    /// - Parameter settings: what holds where the option says nothing; nil for nothing.
    /// - Returns: nil when nothing was said, and in a process that only stands in for another, whose page this is.
    func endpoint(_ settings: ServerSettings? = nil) throws -> Listener.Endpoint? {
        if Handover.ofThisProcess?.isStandIn == true { return nil }
        guard let admin else { return settings?.adminSocket }
        guard let endpoint = Listener.Endpoint(private: admin) else {
            throw ValidationError("--admin takes a path, or HOST:PORT on the loopback interface")
        }
        return endpoint
    }
}
