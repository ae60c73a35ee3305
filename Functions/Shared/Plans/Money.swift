/// An amount of money, exact: a whole number of its currency's minor unit.
public struct Money: Sendable, Hashable {
    /// Kobo for NGN, francs for XAF, fils for KWD.
    public let minorUnits: Int
    public let currency: Currency

    public init(minorUnits: Int, currency: Currency) {
        self.minorUnits = minorUnits
        self.currency = currency
    }

    /// Reads an amount of major units as a payment provider writes it: `5000`, `5000.5`, `5e3`. Never through a binary
    /// fraction.
    ///
    /// - Parameter majorUnits: a number in the grammar of RFC 8259 §6, at most ``maximumDigits`` bytes long.
    /// - Throws: which of the rules the text breaks. Trailing zeros do not count as decimals: `29.000` is 29 naira.
    public init(majorUnits: String, currency: Currency) throws(AmountError) {
        self.init(
            minorUnits: try DecimalText(majorUnits).scaled(by: currency.exponent), currency: currency)
    }

    /// The longest number read, in bytes.
    public static let maximumDigits = 40

    /// Major units with all the currency's decimals: `29.00`, `5000`, `-0.005`. Also a JSON number.
    public var majorUnits: String {
        let digits = String(minorUnits.magnitude)
        let sign = minorUnits < 0 ? "-" : ""
        guard currency.exponent > 0 else { return sign + digits }
        let padded = String(repeating: "0", count: max(0, currency.exponent + 1 - digits.count)) + digits
        return sign + padded.dropLast(currency.exponent) + "." + padded.suffix(currency.exponent)
    }
}

extension Money: CustomStringConvertible {
    /// For people: `₦2,900.00`, or `XAF 5,000` where no symbol is clear.
    public var description: String {
        let text = majorUnits.drop { $0 == "-" }
        let whole = text.prefix { $0 != "." }
        var grouped = ""
        for (index, digit) in whole.enumerated() {
            if index > 0, (whole.count - index).isMultiple(of: 3) { grouped += "," }
            grouped.append(digit)
        }
        return (minorUnits < 0 ? "-" : "") + (currency.symbol ?? "\(currency.code) ") + grouped
            + text.dropFirst(whole.count)
    }
}

/// Why a text is no amount of a currency.
public enum AmountError: Error, Hashable {
    case notANumber
    /// More decimals than the currency has.
    case tooPrecise
    /// More than 2^63 − 1 minor units, or longer than ``Money/maximumDigits``.
    case tooLarge
}
