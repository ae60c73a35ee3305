import Plans
import Testing

@Suite struct MoneyTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let text: String
        let currency: String
        let result: Result<Int, AmountError>
        var testDescription: String { "\(text) \(currency)" }

        init(_ text: String, _ currency: String, _ units: Int) {
            (self.text, self.currency, result) = (text, currency, .success(units))
        }

        init(_ text: String, _ currency: String, _ error: AmountError) {
            (self.text, self.currency, result) = (text, currency, .failure(error))
        }
    }

    static let rows = [
        Row("5000", "NGN", 500_000), Row("5000.5", "NGN", 500_050), Row("5000.50", "NGN", 500_050),
        Row("5000.500000", "NGN", 500_050), Row("1e3", "NGN", 100_000), Row("1E+3", "NGN", 100_000),
        Row("1.5e-1", "NGN", 15), Row("15000e-2", "NGN", 15_000), Row("0", "NGN", 0), Row("-0", "NGN", 0),
        Row("0e999", "NGN", 0), Row("0.01", "NGN", 1), Row("-29.00", "NGN", -2_900), Row("29", "JPY", 29),
        Row("29.0", "XAF", 29), Row("1.234", "KWD", 1_234), Row("0.001", "KWD", 1),
        // Where a binary fraction would be off by one.
        Row("1.15", "USD", 115), Row("0.29", "USD", 29), Row("4503599627370497.5", "USD", 450_359_962_737_049_750),
        Row("92233720368547758.07", "NGN", .max),
        Row("92233720368547758.08", "NGN", .tooLarge), Row("1e18", "NGN", .tooLarge), Row("1e400", "NGN", .tooLarge),
        Row("1e999999999999999999999", "NGN", .tooLarge),
        Row("1" + String(repeating: "0", count: 40), "NGN", .tooLarge),
        Row("0.001", "NGN", .tooPrecise), Row("29.5", "JPY", .tooPrecise), Row("1.2345", "KWD", .tooPrecise),
        Row("1e-999", "NGN", .tooPrecise),
        Row("", "NGN", .notANumber), Row(".5", "NGN", .notANumber), Row("5.", "NGN", .notANumber),
        Row("05", "NGN", .notANumber), Row("+5", "NGN", .notANumber), Row("1e", "NGN", .notANumber),
        Row(" 5", "NGN", .notANumber), Row("5,000", "NGN", .notANumber), Row("0x10", "NGN", .notANumber),
        Row("NaN", "NGN", .notANumber), Row("-", "NGN", .notANumber), Row("٥", "NGN", .notANumber),
    ]

    @Test("an amount of major units is read exactly or refused", arguments: rows)
    func reading(_ row: Row) throws {
        let currency = try #require(Currency(row.currency))
        let result = Result { () throws(AmountError) in try Money(majorUnits: row.text, currency: currency).minorUnits }
        #expect(result == row.result)
    }

    @Test(
        "an amount is written with all decimals of its currency, and read back the same",
        arguments: [
            (2_900, "NGN", "29.00", "₦29.00"), (5, "NGN", "0.05", "₦0.05"), (0, "NGN", "0.00", "₦0.00"),
            (-1, "NGN", "-0.01", "-₦0.01"), (123_456_789, "NGN", "1234567.89", "₦1,234,567.89"),
            (100_000, "NGN", "1000.00", "₦1,000.00"), (5_000, "XAF", "5000", "XAF 5,000"), (999, "JPY", "999", "¥999"),
            (1, "KWD", "0.001", "KWD 0.001"), (-12_345, "KWD", "-12.345", "-KWD 12.345"),
            (Int.max, "NGN", "92233720368547758.07", "₦92,233,720,368,547,758.07"),
        ])
    func writing(_ units: Int, _ code: String, _ major: String, _ human: String) throws {
        let money = Money(minorUnits: units, currency: try #require(Currency(code)))
        #expect(money.majorUnits == major)
        #expect(money.description == human)
        #expect(try Money(majorUnits: major, currency: money.currency) == money)
    }

    @Test(
        "only ISO 4217 codes of money in use are currencies",
        arguments: ["", "ngn", "NG", "NGNN", "XXX", "XAU", "ABC", "N\u{301}GN"])
    func unknownCurrency(_ code: String) { #expect(Currency(code) == nil) }

    @Test("a catalogue has the configured price and the design's minutes for each plan")
    func catalogue() {
        let catalogue = PlanCatalogue(currency: .naira, basic: 2_900, pro: 19_900, enterprise: 99_900)
        #expect(PurchasablePlan.allCases.map { catalogue.price(of: $0).minorUnits } == [2_900, 19_900, 99_900])
        #expect(PlanName.allCases.map(\.minutes) == [60, 500, 5_000, 50_000])
        #expect(catalogue.summary.first == "basic: 500 minutes for ₦29.00")
    }

    @Test("a transaction reference is of 1 to 64 letters, digits, hyphens and underscores")
    func references() {
        #expect(throws: Never.self) { try TransactionReference(validating: TransactionReference.random().rawValue) }
        for text in ["", "a b", "a/b", "a\u{0}", "é", String(repeating: "a", count: 65)] {
            #expect(throws: (any Error).self) { try TransactionReference(validating: text) }
        }
        #expect(TransactionReference.random() != TransactionReference.random())
    }
}
