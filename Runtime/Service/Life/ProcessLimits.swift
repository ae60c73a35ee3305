import Glibc

/// What the system allows this process.
public enum ProcessLimits {
    /// Takes as many descriptors as the system gives: each connection and each call to a provider is one, and the usual
    /// start is 1,024.
    public static func takeAllDescriptors() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        limit.rlim_cur = limit.rlim_max
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }
}
