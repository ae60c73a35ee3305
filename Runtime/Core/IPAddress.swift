#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// An IPv4 or IPv6 address without a zone; an IPv4 address in its IPv6 form, `::ffff:192.0.2.1`, is the IPv4 address.
public struct IPAddress: Sendable, Hashable, CustomStringConvertible {
    /// Four bytes or sixteen, in network order.
    let bytes: [UInt8]

    /// - Returns: nil for anything that is not an address as `inet_pton` reads it.
    public init?(_ text: String) {
        // C's text ends at a NUL, which would hide what follows it.
        guard !text.utf8.contains(0) else { return nil }
        var four = [UInt8](repeating: 0, count: 4)
        if inet_pton(AF_INET, text, &four) == 1 {
            bytes = four
            return
        }
        var sixteen = [UInt8](repeating: 0, count: 16)
        guard inet_pton(AF_INET6, text, &sixteen) == 1 else { return nil }
        let mapped = [UInt8](repeating: 0, count: 10) + [0xFF, 0xFF]
        bytes = sixteen.starts(with: mapped) ? Array(sixteen[12...]) : sixteen
    }

    /// `192.0.2.1`, or eight groups as in `2001:db8:0:0:0:0:0:1`.
    public var description: String {
        if bytes.count == 4 { return bytes.map { "\($0)" }.joined(separator: ".") }
        return stride(from: 0, to: 16, by: 2)
            .map { String(UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1]), radix: 16) }
            .joined(separator: ":")
    }
}

extension RequestHead {
    /// ``clientAddress`` where it is one: a web server on a Unix socket may name something else, and a socket itself
    /// nothing.
    public var address: IPAddress? { clientAddress.flatMap { IPAddress($0) } }
}
