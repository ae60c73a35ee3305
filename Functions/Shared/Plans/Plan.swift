/// A plan by its name, which is also how the database knows it.
public enum PlanName: String, Sendable, Hashable, Codable, CaseIterable {
    case trial, basic, pro, enterprise

    /// Whole minutes of speech that come with it. Of `trial` this is the default; TRIAL_MINUTES may say otherwise.
    public var minutes: Int {
        switch self {
        case .trial: 60
        case .basic: 500
        case .pro: 5_000
        case .enterprise: 50_000
        }
    }
}

/// A plan that money buys.
public enum PurchasablePlan: String, Sendable, Hashable, Codable, CaseIterable {
    case basic, pro, enterprise

    public var name: PlanName {
        switch self {
        case .basic: .basic
        case .pro: .pro
        case .enterprise: .enterprise
        }
    }

    public var minutes: Int { name.minutes }
}

/// What the plans cost, from settings.
public struct PlanCatalogue: Sendable {
    private let basic: Money
    private let pro: Money
    private let enterprise: Money

    /// - Parameters: amounts in the currency's minor unit, one or more.
    public init(currency: Currency, basic: Int, pro: Int, enterprise: Int) {
        self.basic = Money(minorUnits: basic, currency: currency)
        self.pro = Money(minorUnits: pro, currency: currency)
        self.enterprise = Money(minorUnits: enterprise, currency: currency)
    }

    public func price(of plan: PurchasablePlan) -> Money {
        switch plan {
        case .basic: basic
        case .pro: pro
        case .enterprise: enterprise
        }
    }

    /// One line a plan, for start-up and `check`: `basic: 500 minutes for ₦29.00`.
    public var summary: [String] {
        PurchasablePlan.allCases.map { "\($0.rawValue): \($0.minutes) minutes for \(price(of: $0))" }
    }
}
