/// Names to look others up in: a list of numbers, which compare faster than texts. A hash table would take longer to make,
/// at every start, than all looking up in it takes.
struct NameSet: Sendable, ExpressibleByArrayLiteral {
    private var fingerprints: [UInt64] = []

    init() {}

    init(arrayLiteral names: String...) {
        fingerprints.reserveCapacity(names.count)
        for name in names { insert(name) }
    }

    /// Inserts the name that the two parts are together.
    mutating func insert(_ name: String, _ suffix: String = "") {
        fingerprints.append(Fingerprint(of: name, suffix).value)
    }

    func contains(_ name: Fingerprint) -> Bool { fingerprints.contains(name.value) }
}
