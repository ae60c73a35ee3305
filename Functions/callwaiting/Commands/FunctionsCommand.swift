import ArgumentParser
import FunctionCore

struct FunctionsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "functions", abstract: "List the functions: name, method, path, caller, database role, settings.")

    @Flag(help: "One JSON object a line.") var json = false

    func run() {
        for entry in Catalogue.entries {
            for route in entry.type.routes { print(json ? jsonLine(entry, route) : textLine(entry, route)) }
        }
    }

    private func textLine(_ entry: FunctionEntry, _ route: Route) -> String {
        let columns = [
            entry.name.rawValue.padded(to: 20), route.method.rawValue.padded(to: 5),
            route.pattern.description.padded(to: 28), route.caller.description.padded(to: 9), entry.role,
        ]
        return columns.joined(separator: " ")
    }

    private func jsonLine(_ entry: FunctionEntry, _ route: Route) -> String {
        var json = JSONText()
        json.member("name", entry.name.rawValue)
        json.member("method", route.method.rawValue)
        json.member("path", route.pattern.description)
        json.member("caller", route.caller.description)
        json.member("role", entry.role)
        json.member("settings", entry.settings.map(\.name).joined(separator: " "))
        return json.object
    }
}

extension String {
    func padded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}
