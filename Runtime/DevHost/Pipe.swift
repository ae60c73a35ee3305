import Glibc

/// A pipe whose two ends no program inherits unless it is handed one.
///
/// Swift does not import pipe2(2); ``Command`` closes what is not handed over anyway, so the moment between the calls
/// does no harm.
struct Pipe {
    let readEnd: Int32
    let writeEnd: Int32

    init() throws(SystemCallError) {
        var ends: [Int32] = [-1, -1]
        try SystemCallError.check("pipe", pipe(&ends))
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        readEnd = ends[0]
        writeEnd = ends[1]
    }

    func closeBoth() {
        close(readEnd)
        close(writeEnd)
    }
}
