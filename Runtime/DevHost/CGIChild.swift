import Glibc

/// One CGI program at work: its input given whole, its output read as it comes.
final class CGIChild: Sendable {
    private let child: ChildProcess
    let output: CGIOutput

    /// - Parameters:
    ///   - errors: where its standard error goes.
    ///   - ended: called once, when the program has ended.
    /// - Throws: ``SystemCallError`` when it cannot be started; `ended` is not called then.
    init(
        _ command: Command, input: [UInt8], errors: Int32, ended: @escaping @Sendable () -> Void
    ) throws(SystemCallError) {
        // A file rather than a pipe: the program need not read it, and nobody has to write while it does not.
        let file = try Files.unnamed(holding: input)
        defer { close(file) }
        let pipe = try Pipe()
        do throws(SystemCallError) {
            child = try ChildProcess.start(command, descriptors: [file, pipe.writeEnd, errors])
        } catch {
            pipe.closeBoth()
            throw error
        }
        close(pipe.writeEnd)
        output = CGIOutput(pipe.readEnd)
        let child = child
        Task {
            _ = await child.exitStatus
            ended()
        }
        // Without a thread there is no output, which is then no answer: the program's end is all that is left to do.
        if !output.readInBackground() { child.killGroup() }
    }

    /// An answer that nobody wants any more needs no program.
    deinit { child.killGroup() }

    func kill() { child.killGroup() }
}
