import FunctionCore

/// A function as this program knows it: its type, what it needs from the settings, and how it is made.
struct FunctionEntry: Sendable {
    let type: any Function.Type
    /// The role its transactions run as, for the list.
    let role: String
    /// Settings beyond those of every serving process and of the database.
    let settings: [Setting]
    /// Reads what it needs. Returns what makes the function once all settings are known to be good.
    let prepare: @Sendable (inout SettingsReader) -> Maker

    typealias Maker = @Sendable (Services) async throws -> (any Function)?

    var name: FunctionName { type.name }
}
