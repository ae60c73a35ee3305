import FoundationEssentials
import FunctionCore
import FunctionJSON

/// A conversation's id as the first reply gave it: a UUID.
struct ConversationID: Validated {
    let rawValue: String
    init(_ accepted: Accepted<String>) { rawValue = accepted.value }

    static func check(_ raw: String) throws(Problem.Violation) -> String {
        guard let id = UUID(uuidString: raw) else {
            throw Problem.Violation("must be the id that the first reply gave")
        }
        return id.uuidString.lowercased()
    }
}
