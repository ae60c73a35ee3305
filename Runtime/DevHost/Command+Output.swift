import Glibc

extension Command {
    /// Runs the program to its end, in a group of its own, and gives what it printed, errors included.
    ///
    /// For short programs: nothing ends it but itself and the reader's patience.
    public func output() async throws(SystemCallError) -> (status: Termination, text: String) {
        let file = try Files.unnamed()
        defer { close(file) }
        let nothing = try SystemCallError.check("open /dev/null", open("/dev/null", O_RDONLY | O_CLOEXEC))
        defer { close(nothing) }
        let status = await (try ChildProcess.start(self, descriptors: [nothing, file, file])).exitStatus
        return (status, try Files.read(descriptor: file, from: 0, name: executable))
    }

    /// Runs the program to its end with our own output and no input. Cancelling the task ends it and its children.
    public func run() async throws(SystemCallError) -> Termination {
        let nothing = try SystemCallError.check("open /dev/null", open("/dev/null", O_RDONLY | O_CLOEXEC))
        defer { close(nothing) }
        let child = try ChildProcess.start(self, descriptors: [nothing, 1, 2])
        return await withTaskCancellationHandler {
            await child.exitStatus
        } onCancel: {
            child.signalGroup(SIGTERM)
        }
    }
}
