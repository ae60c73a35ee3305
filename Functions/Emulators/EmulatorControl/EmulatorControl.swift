import FunctionCore
import FunctionJSON
import HTTPTypes

/// `/_control`: tells the emulators to fail, and what they were asked. Functions/Emulators/README.md has it by example.
public struct EmulatorControl: Function {
    public static let name: FunctionName = "emulator-control"
    public static let routes: [Route] = [
        .get("/_control", caller: .anyone),
        Route(.delete, "/_control", caller: .anyone),
        .get("/_control/{provider}", caller: .anyone),
        Route(.delete, "/_control/{provider}", caller: .anyone),
        .post("/_control/{provider}/faults", caller: .anyone),
        Route(.delete, "/_control/{provider}/faults", caller: .anyone),
    ]

    private let board: ControlBoard

    public init(board: ControlBoard) { self.board = board }

    public func respond(to request: Request, in context: Context) async throws -> Response {
        let providers = try providers(of: request)
        switch request.method {
        case .post:
            let fault = try fault(in: request, for: providers)
            for provider in providers { board.add(fault, to: provider) }
            return try report(providers, status: .created)
        case .delete:
            let onlyFaults = request.head.target.segments.last == "faults"
            for provider in providers {
                if onlyFaults { board.clearFaults(of: provider) } else { board.reset(provider) }
            }
            return Response(status: .noContent)
        default:
            return try report(providers, status: .ok)
        }
    }

    private func providers(of request: Request) throws -> [ControlBoard.Provider] {
        guard let name = request.parameters["provider"] else { return ControlBoard.Provider.allCases }
        guard let provider = ControlBoard.Provider(rawValue: name) else { throw Problem(.notFound) }
        return [provider]
    }

    private func fault(in request: Request, for providers: [ControlBoard.Provider]) throws -> Fault {
        let fault = try JSON.decode(Fault.self, from: request.body)
        for provider in providers where !provider.faults.contains(fault.kind) {
            throw Problem.invalid([
                .init(field: "fault", "\(provider.rawValue) shows only: \(Self.names(of: provider.faults))")
            ])
        }
        guard (fault.times ?? 1) > 0 else {
            throw Problem.invalid([.init(field: "times", "must be at least 1; use \"always\": true for no end")])
        }
        return fault
    }

    private static func names(of kinds: Set<Fault.Kind>) -> String {
        kinds.map(\.rawValue).sorted().joined(separator: ", ")
    }

    private func report(_ providers: [ControlBoard.Provider], status: HTTPResponse.Status) throws -> Response {
        let reports = providers.map { ($0.rawValue, board.report(of: $0)) }
        if reports.count == 1 { return try .json(reports[0].1, status: status) }
        return try .json(Dictionary(uniqueKeysWithValues: reports), status: status)
    }
}
