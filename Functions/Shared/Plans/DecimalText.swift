/// A decimal number taken apart, so that it can be moved by powers of ten without rounding.
struct DecimalText {
    private var negative = false
    /// Significant digits, without zeros at the end.
    private var digits: [UInt8] = []
    /// The number is `digits` × 10^exponent.
    private var exponent = 0

    /// Reads a number in the grammar of RFC 8259 §6.
    init(_ text: String) throws(AmountError) {
        guard text.utf8.count <= Money.maximumDigits else { throw .tooLarge }
        var rest = Array(text.utf8)[...]
        negative = Self.skip("-", &rest)
        let whole = Self.digits(&rest)
        guard !whole.isEmpty, whole.count == 1 || whole.first != 0 else { throw .notANumber }
        var fraction: [UInt8] = []
        if Self.skip(".", &rest) {
            fraction = Self.digits(&rest)
            guard !fraction.isEmpty else { throw .notANumber }
        }
        if Self.skip("e", &rest) || Self.skip("E", &rest) {
            let below = Self.skip("-", &rest)
            if !below { _ = Self.skip("+", &rest) }
            let power = Self.digits(&rest)
            guard !power.isEmpty else { throw .notANumber }
            // Three digits are already far beyond any amount, and keep the sum below from overflowing.
            guard power.drop(while: { $0 == 0 }).count <= 3 else { throw .tooLarge }
            exponent = power.reduce(0) { $0 * 10 + Int($1) } * (below ? -1 : 1)
        }
        guard rest.isEmpty else { throw .notANumber }
        digits = whole + fraction
        exponent -= fraction.count
        while digits.last == 0 {
            digits.removeLast()
            exponent += 1
        }
    }

    /// The number × 10^`power`, which must be whole.
    func scaled(by power: Int) throws(AmountError) -> Int {
        guard !digits.isEmpty else { return 0 }
        guard exponent + power >= 0 else { throw .tooPrecise }
        var result = 0
        for digit in digits + Array(repeating: 0, count: exponent + power) {
            let (ten, overflow) = result.multipliedReportingOverflow(by: 10)
            let (sum, carry) = ten.addingReportingOverflow(Int(digit))
            guard !overflow, !carry else { throw .tooLarge }
            result = sum
        }
        return negative ? -result : result
    }

    private static func skip(_ character: Unicode.Scalar, _ rest: inout ArraySlice<UInt8>) -> Bool {
        guard rest.first == UInt8(ascii: character) else { return false }
        rest.removeFirst()
        return true
    }

    private static func digits(_ rest: inout ArraySlice<UInt8>) -> [UInt8] {
        let digits = rest.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        rest = rest.dropFirst(digits.count)
        return digits.map { $0 - UInt8(ascii: "0") }
    }
}
