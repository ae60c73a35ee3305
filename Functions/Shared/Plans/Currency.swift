/// A currency of ISO 4217, with the number of decimals that its minor unit has.
public struct Currency: Sendable, Hashable, CustomStringConvertible {
    /// Three upper-case letters: `NGN`.
    public let code: String
    /// Decimals of the major unit: 2 for NGN (100 kobo are one naira), 0 for XAF, 3 for KWD.
    public let exponent: Int

    /// - Returns: nil unless `code` is an ISO 4217 code of money in use.
    public init?(_ code: String) {
        guard code.utf8.count == 3, let exponent = Self.exponents[code] else { return nil }
        self.code = code
        self.exponent = exponent
    }

    private init(code: String, exponent: Int) {
        self.code = code
        self.exponent = exponent
    }

    public static let naira = Currency(code: "NGN", exponent: 2)

    public var description: String { code }

    /// What stands before an amount, where that is as clear as the code.
    var symbol: String? { Self.symbols[code] }

    private static let symbols = ["EUR": "€", "GBP": "£", "GHS": "GH₵", "INR": "₹", "JPY": "¥", "NGN": "₦", "USD": "$"]

    /// ISO 4217 list one, funds and metals left out.
    private static let exponents: [String: Int] = {
        let codes = [
            0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF",
            2: """
            AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP \
            CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS \
            INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN \
            MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE \
            SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VES WST XCD XCG YER ZAR ZMW \
            ZWG
            """,
            3: "BHD IQD JOD KWD LYD OMR TND",
        ]
        var exponents: [String: Int] = [:]
        for (exponent, list) in codes {
            for code in list.split(separator: " ") { exponents[String(code)] = exponent }
        }
        return exponents
    }()
}
