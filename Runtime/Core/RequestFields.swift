import HTTPTypes

/// The header fields of a request, by name; names are case-insensitive. Never contains `Proxy` (httpoxy,
/// CVE-2016-5385).
///
/// A web server hands them over as variables, twenty of them to a request whose function asks for two. So they stay
/// where they arrived, and text is made only of what is asked for.
public struct RequestFields: Sendable {
    private enum Source: Sendable {
        case fields(HTTPFields)
        case variables(GatewayVariables)
    }

    private var source: Source

    /// Those of an HTTP message.
    public init(_ fields: HTTPFields) {
        var fields = fields
        if fields.contains(.proxy) { fields[.proxy] = nil }
        source = .fields(fields)
    }

    /// Those among a web server's variables, which have been checked.
    init(_ variables: GatewayVariables) {
        source = .variables(variables)
    }

    /// The field's value, without white space around it; of several joined by commas. Setting nil removes it.
    public subscript(name: HTTPField.Name) -> String? {
        get {
            switch source {
            case .fields(let fields): fields[name]
            case .variables(let variables): variables.field(name)
            }
        }
        set {
            var fields = all
            fields[name] = newValue
            source = .fields(fields)
        }
    }

    /// The values of all fields of that name. A web server makes one of several.
    public subscript(values name: HTTPField.Name) -> [String] {
        switch source {
        case .fields(let fields): fields[values: name]
        case .variables(let variables): variables.field(name).map { [$0] } ?? []
        }
    }

    public func contains(_ name: HTTPField.Name) -> Bool {
        switch source {
        case .fields(let fields): fields.contains(name)
        case .variables(let variables): variables.field(name) != nil
        }
    }

    /// All of them, made anew for each call where a web server has sent them.
    public var all: HTTPFields {
        switch source {
        case .fields(let fields): fields
        case .variables(let variables): variables.fields
        }
    }
}

extension RequestFields: Sequence {
    public func makeIterator() -> HTTPFields.Iterator { all.makeIterator() }
}

extension RequestFields: ExpressibleByDictionaryLiteral {
    public init(dictionaryLiteral elements: (HTTPField.Name, String)...) {
        var fields = HTTPFields()
        for (name, value) in elements { fields.append(HTTPField(name: name, value: value)) }
        self.init(fields)
    }
}
