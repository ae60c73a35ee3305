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
    func preflight(allowing methods: String) -> Response {
        Response(
            status: .noContent,
            fields: [
                .accessControlAllowMethods: methods,
                .accessControlAllowHeaders: requestFields.map(\.rawName).joined(separator: ", "),
                .accessControlMaxAge: "600",
            ])
    }

    func apply(to response: inout Response, for head: RequestHead) {
        guard !origins.isEmpty else { return }
        response.fields.append(HTTPField(name: .vary, value: "Origin"))
        guard let origin = head.fields[.origin], origins.contains(origin) else {
            response.fields[.accessControlAllowMethods] = nil
            response.fields[.accessControlAllowHeaders] = nil
            return
        }
        response.fields[.accessControlAllowOrigin] = origin
        response.fields[.accessControlAllowCredentials] = "true"
        response.fields[.accessControlExposeHeaders] = responseFields.map(\.rawName).joined(separator: ", ")
    }
}
