import FunctionCore

/// A type that is one JSON value without parts.
protocol JSONScalar {
    /// Stands for a value that was refused, so that reading goes on to the next.
    static var placeholder: Self { get }

    /// - Parameter isText: the value came as text, of a query or a path.
    /// - Throws: the message of the violation.
    static func read(_ value: JSONValue, isText: Bool) throws(ScalarMismatch) -> Self
}

struct ScalarMismatch: Error {
    let message: String
    init(_ message: String) { self.message = message }
}

extension JSONValue {
    fileprivate func number(isText: Bool) -> String? {
        switch self {
        case .number(let text): text
        case .string(let text) where isText && JSONParser.isNumber(text): text
        default: nil
        }
    }
}

extension String: JSONScalar {
    static var placeholder: String { "" }

    static func read(_ value: JSONValue, isText: Bool) throws(ScalarMismatch) -> String {
        guard case .string(let text) = value else { throw ScalarMismatch("must be a string") }
        return text
    }
}

extension Bool: JSONScalar {
    static var placeholder: Bool { false }

    static func read(_ value: JSONValue, isText: Bool) throws(ScalarMismatch) -> Bool {
        switch value {
        case .bool(let value): return value
        case .string("true") where isText: return true
        case .string("false") where isText: return false
        default: throw ScalarMismatch("must be true or false")
        }
    }
}

extension JSONScalar where Self: FixedWidthInteger {
    static var placeholder: Self { 0 }

    static func read(_ value: JSONValue, isText: Bool) throws(ScalarMismatch) -> Self {
        guard let text = value.number(isText: isText) else { throw ScalarMismatch("must be a whole number") }
        if let integer = Self(text) { return integer }
        // 1.0 and 1e3 are whole too; beyond 2^53 a Double no longer says which whole number was meant.
        guard let double = Double(text), double.isFinite, double.magnitude < 0x1p53 else {
            throw ScalarMismatch("is out of range")
        }
        guard double == double.rounded() else { throw ScalarMismatch("must be a whole number") }
        guard let integer = Self(exactly: double) else { throw ScalarMismatch("is out of range") }
        return integer
    }
}

extension JSONScalar where Self: BinaryFloatingPoint & LosslessStringConvertible {
    static var placeholder: Self { 0 }

    static func read(_ value: JSONValue, isText: Bool) throws(ScalarMismatch) -> Self {
        guard let text = value.number(isText: isText) else { throw ScalarMismatch("must be a number") }
        guard let number = Self(text), number.isFinite else { throw ScalarMismatch("is out of range") }
        return number
    }
}

extension Double: JSONScalar {}
extension Float: JSONScalar {}
extension Int: JSONScalar {}
extension Int8: JSONScalar {}
extension Int16: JSONScalar {}
extension Int32: JSONScalar {}
extension Int64: JSONScalar {}
extension UInt: JSONScalar {}
extension UInt8: JSONScalar {}
extension UInt16: JSONScalar {}
extension UInt32: JSONScalar {}
extension UInt64: JSONScalar {}
