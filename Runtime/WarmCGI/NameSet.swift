/// Names to look others up in: kept as numbers, which compare faster than texts, and in no order, since a table would have
/// to be made at every start.
public struct NameSet: Sendable, ExpressibleByArrayLiteral {
    private var fingerprints: [UInt64] = []

    public init() {}

    public init(arrayLiteral names: String...) {
        fingerprints.reserveCapacity(names.count)
        for name in names { insert(name) }
    }

    public mutating func reserveCapacity(_ count: Int) { fingerprints.reserveCapacity(count) }

    /// Inserts the name that the two parts are together.
    public mutating func insert(_ name: String, _ suffix: String = "") {
        fingerprints.append(Fingerprint(of: name, suffix).value)
    }

    func contains(_ name: String) -> Bool { fingerprints.contains(Fingerprint(of: name).value) }
}
