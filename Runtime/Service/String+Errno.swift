import Glibc

extension String {
    /// What the system calls an error number.
    init(errno: CInt) {
        var buffer = [CChar](repeating: 0, count: 128)
        guard strerror_r(errno, &buffer, buffer.count) == 0 else {
            self = "error \(errno)"
            return
        }
        self = String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
