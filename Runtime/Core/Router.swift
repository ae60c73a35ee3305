import HTTPTypes

/// Finds the function for a method and path.
public struct Router: Sendable {
    /// A route and the function behind it.
    public final class Endpoint: Sendable {
        public let route: Route
        public let function: any Function

        init(route: Route, function: any Function) {
            self.route = route
            self.function = function
        }

        public var name: FunctionName { type(of: function).name }
    }

    public enum Match: Sendable {
        case found(Endpoint, parameters: [String: String])
        /// The path exists, the method does not; `allowed` is ready for the `Allow` field.
        case methodNotAllowed(allowed: [HTTPRequest.Method])
        case notFound
    }

    public let endpoints: [Endpoint]
    let names: Set<FunctionName>
    /// Paths without holes, by their text: one look-up however many routes there are.
    private var literals: [String: [Endpoint]] = [:]
    private var patterns: [(pattern: RoutePattern, endpoints: [Endpoint])] = []

    /// - Precondition: no two functions answer to the same method and pattern.
    public init(_ functions: [any Function]) {
        endpoints = functions.flatMap { function in
            type(of: function).routes.map { Endpoint(route: $0, function: function) }
        }
        names = Set(endpoints.map(\.name))
        for endpoint in endpoints {
            let pattern = endpoint.route.pattern
            let others = endpoints.filter { $0.route.pattern == pattern && $0.route.method == endpoint.route.method }
            precondition(others.count == 1, "two functions answer to \(endpoint.route.method) \(pattern)")
            if pattern.isLiteral {
                literals[pattern.description, default: []].append(endpoint)
            } else if let index = patterns.firstIndex(where: { $0.pattern == pattern }) {
                patterns[index].endpoints.append(endpoint)
            } else {
                patterns.append((pattern, [endpoint]))
            }
        }
    }

    /// The path of a function that answers to one path, without holes; nil for any other.
    func onlyPath(of name: FunctionName) -> String? {
        let patterns = Set(endpoints.filter { $0.name == name }.map(\.route.pattern))
        guard let pattern = patterns.first, patterns.count == 1, pattern.isLiteral else { return nil }
        return pattern.description
    }

    /// - Parameter name: the only function to look among; nil for all.
    public func match(_ method: HTTPRequest.Method, _ target: RequestTarget, of name: FunctionName? = nil) -> Match {
        if let endpoints = literals[target.path] { return pick(method, from: endpoints, of: name, parameters: [:]) }
        let segments = target.segments
        var result = Match.notFound
        for (pattern, endpoints) in patterns {
            guard let parameters = pattern.match(segments) else { continue }
            let match = pick(method, from: endpoints, of: name, parameters: parameters)
            if case .found = match { return match }
            if case .notFound = result { result = match }
        }
        return result
    }

    private func pick(
        _ method: HTTPRequest.Method, from all: [Endpoint], of name: FunctionName?, parameters: [String: String]
    ) -> Match {
        let endpoints = name.map { name in all.filter { $0.name == name } } ?? all
        if endpoints.isEmpty { return .notFound }
        let wanted = method == .head ? .get : method
        if let endpoint = endpoints.first(where: { $0.route.method == wanted }) {
            return .found(endpoint, parameters: parameters)
        }
        var allowed = endpoints.map(\.route.method)
        if allowed.contains(.get) { allowed.append(.head) }
        return .methodNotAllowed(allowed: allowed + [.options])
    }
}
