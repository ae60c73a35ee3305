import FunctionCore

/// A JSON text that grows at its end, with the containers that are open there. Filled by one synchronous call of
/// ``JSON/encode(_:nil:)``, never shared.
final class JSONWriter {
    enum Container {
        case members
        case elements

        fileprivate var opening: UInt8 { self == .members ? UInt8(ascii: "{") : UInt8(ascii: "[") }
        fileprivate var closing: UInt8 { self == .members ? UInt8(ascii: "}") : UInt8(ascii: "]") }
    }

    private(set) var bytes: [UInt8] = []
    /// Whether a type went back to a container after writing behind it, or asked one value for two kinds of container:
    /// what was written is not JSON then.
    private(set) var isBroken = false
    private var open: [(container: Container, isEmpty: Bool)] = []

    init() { bytes.reserveCapacity(256) }

    /// Opens the container that is the value inside of `depth` others, or goes on with it where it is open.
    func open(_ container: Container, at depth: Int) {
        if open.count > depth {
            close(to: depth + 1)
            if open[depth].container != container { isBroken = true }
            return
        }
        if open.count < depth { isBroken = true }
        bytes.append(container.opening)
        open.append((container, true))
    }

    /// Ends every container but the outer `depth`.
    func close(to depth: Int) {
        while open.count > depth { bytes.append(open.removeLast().container.closing) }
    }

    /// Begins the next element, or the value of the member `name`, in the innermost of `depth` open containers.
    func next(_ name: String? = nil, in depth: Int) {
        close(to: depth)
        guard open.count == depth else {
            isBroken = true
            return
        }
        if open[depth - 1].isEmpty { open[depth - 1].isEmpty = false } else { bytes.append(UInt8(ascii: ",")) }
        if let name {
            bytes.append(json: name)
            bytes.append(UInt8(ascii: ":"))
        }
    }

    func text(_ text: String) { bytes.append(json: text) }

    /// Writes `text` as it is: a number, `true`, `null`.
    func literal(_ text: String) { bytes += text.utf8 }
}
