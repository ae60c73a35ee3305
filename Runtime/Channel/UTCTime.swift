import Glibc

/// A moment in UTC by the calendar, for header fields and log lines.
public struct UTCTime: Hashable, Sendable {
    public let year: Int
    public let month: Int
    public let day: Int
    public let hour: Int
    public let minute: Int
    public let second: Int
    public let millisecond: Int
    /// 0 is Sunday.
    public let weekday: Int

    /// - Parameter seconds: since 1970-01-01T00:00:00Z, without leap seconds.
    public init(secondsSince1970 seconds: Int, millisecond: Int = 0) {
        let days = Int((Double(seconds) / 86_400).rounded(.down))
        let rest = seconds - days * 86_400
        (hour, minute, second) = (rest / 3_600, rest / 60 % 60, rest % 60)
        weekday = ((days + 4) % 7 + 7) % 7
        self.millisecond = millisecond
        // Eras of 400 years that begin on 1 March, so that a leap day is the last of its year.
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    }

    public static func now() -> UTCTime {
        let time = realTime()
        return UTCTime(secondsSince1970: Int(time.tv_sec), millisecond: Int(time.tv_nsec) / 1_000_000)
    }

    /// The system's clock, in whole seconds.
    public static func secondsSince1970() -> Int { Int(realTime().tv_sec) }

    private static func realTime() -> timespec {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return time
    }

    /// `2026-03-14T09:26:53.589Z` (RFC 3339).
    public var iso8601: String {
        "\(pad(year, 4))-\(pad(month))-\(pad(day))T\(pad(hour)):\(pad(minute)):\(pad(second)).\(pad(millisecond, 3))Z"
    }

    /// `Sat, 14 Mar 2026 09:26:53 GMT` (RFC 9110 §5.6.7).
    public var httpDate: String {
        "\(Self.weekdays[weekday]), \(pad(day)) \(Self.months[month - 1]) \(pad(year, 4)) "
            + "\(pad(hour)):\(pad(minute)):\(pad(second)) GMT"
    }

    /// `14/Mar/2026:09:26:53 +0000`, as access logs have it.
    public var commonLog: String {
        "\(pad(day))/\(Self.months[month - 1])/\(pad(year, 4)):\(pad(hour)):\(pad(minute)):\(pad(second)) +0000"
    }

    private static let weekdays = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    private func pad(_ number: Int, _ width: Int = 2) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
    }
}
