import HTTPTypes

/// Which browser origins may call, and with what (Fetch Standard §3.2). An origin is answered by name or not at all:
/// there is no wildcard.
public struct CORS: Sendable {
    /// Serialised origins, `https://app.example.com`.
    public var origins: Set<String>
    /// Request fields beyond the safelisted ones that a page may send.
    public var requestFields: [HTTPField.Name]
    /// Response fields beyond the safelisted ones that a page may read.
    public var responseFields: [HTTPField.Name]

    public init(origins: Set<String>, requestFields: [HTTPField.Name], responseFields: [HTTPField.Name]) {
        self.origins = origins
        self.requestFields = requestFields
        self.responseFields = responseFields
    }

    public static let none = CORS(origins: [], requestFields: [], responseFields: [])

    static func isPreflight(_ head: RequestHead) -> Bool {
        head.method == .options && head.fields[.origin] != nil && head.fields[.accessControlRequestMethod] != nil
    }

    /// - Parameter methods: ready for `Allow`.
    func preflight(_ head: RequestHead, allowing methods: String) -> Response {
        var response = Response(status: .noContent)
        if origin(of: head) != nil {
            response.fields[.accessControlAllowMethods] = methods
            response.fields[.accessControlAllowHeaders] = requestFields.map(\.rawName).joined(separator: ", ")
            response.fields[.accessControlMaxAge] = "600"
        }
        return response
    }

    func apply(to response: inout Response, for head: RequestHead) {
        guard !origins.isEmpty, let origin = origin(of: head) else { return }
        response.fields[.accessControlAllowOrigin] = origin
        response.fields[.accessControlAllowCredentials] = "true"
        response.fields[.accessControlExposeHeaders] = responseFields.map(\.rawName).joined(separator: ", ")
    }

    /// The caller's origin when it is one of ours.
    private func origin(of head: RequestHead) -> String? {
        head.fields[.origin].flatMap { origins.contains($0) ? $0 : nil }
    }
}
