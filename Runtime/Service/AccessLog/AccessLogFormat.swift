/// How a line of the access log is written.
public enum AccessLogFormat: String, Sendable, CaseIterable {
    /// The format that web servers call "combined", with six fields more behind it.
    case combined
    /// A JSON object a line.
    case json
}
