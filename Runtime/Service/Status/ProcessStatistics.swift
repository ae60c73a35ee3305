import Glibc

/// What the system knows of this process. Missing where /proc is.
public struct ProcessStatistics: StatusSource {
    public init() {}

    public func metrics() async -> [MetricGroup] {
        var metrics = [
            Metric(
                "cpu", .counter, .seconds, "CPU time that this process has used", [.init([], .number(Self.cpuSeconds))])
        ]
        if let pages = Self.residentPages {
            metrics.append(
                .gauge(
                    "resident_memory", "Memory of this process that is in RAM", pages * sysconf(CInt(_SC_PAGESIZE)),
                    .bytes))
        }
        if let open = Self.openDescriptors { metrics.append(.gauge("open_fds", "Descriptors that are open", open)) }
        if let limit = Self.descriptorLimit {
            metrics.append(.gauge("max_fds", "Descriptors that may be open", limit))
        }
        return [MetricGroup("process", metrics)]
    }

    private static var cpuSeconds: Double {
        var usage = rusage()
        guard getrusage(RUSAGE_SELF.rawValue, &usage) == 0 else { return 0 }
        let (user, system) = (usage.ru_utime, usage.ru_stime)
        return Double(user.tv_sec + system.tv_sec) + Double(user.tv_usec + system.tv_usec) / 1e6
    }

    /// The second number of statm (proc(5)).
    private static var residentPages: Int? {
        guard let file = fopen("/proc/self/statm", "re") else { return nil }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 128)
        guard fgets(&line, CInt(line.count), file) != nil else { return nil }
        let text = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        let numbers = text.split(separator: " ")
        return numbers.count > 1 ? Int(numbers[1]) : nil
    }

    /// Without `.`, `..` and the descriptor that looks.
    private static var openDescriptors: Int? {
        guard let directory = opendir("/proc/self/fd") else { return nil }
        defer { closedir(directory) }
        var count = 0
        while readdir(directory) != nil { count += 1 }
        return max(0, count - 3)
    }

    private static var descriptorLimit: Int? {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0, limit.rlim_cur != .max
        else {
            return nil
        }
        return Int(limit.rlim_cur)
    }
}
