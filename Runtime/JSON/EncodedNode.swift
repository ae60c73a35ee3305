import FunctionCore

/// One JSON value on its way out. Filled by one synchronous call of ``JSON/encode(_:nil:)``, never shared.
final class EncodedNode {
    enum Content {
        /// Written as it is: a number, `true`, `null`.
        case literal(String)
        case text(String)
        case list([EncodedNode])
        case members([(name: String, node: EncodedNode)])
    }

    /// Empty until something is encoded: what encodes nothing is an empty object.
    var content = Content.members([])

    func append() -> EncodedNode {
        let node = EncodedNode()
        if case .list(var nodes) = content {
            // So that the list is not copied.
            content = .literal("")
            nodes.append(node)
            content = .list(nodes)
        } else {
            content = .list([node])
        }
        return node
    }

    /// A type encodes each of its keys once; looking for the name would make large objects slow.
    func member(_ name: String) -> EncodedNode {
        let node = EncodedNode()
        guard case .members(var members) = content else { return node }
        content = .literal("")
        members.append((name, node))
        content = .members(members)
        return node
    }

    func write(to bytes: inout [UInt8]) {
        switch content {
        case .literal(let text): bytes += text.utf8
        case .text(let text): Self.write(text, to: &bytes)
        case .list(let nodes):
            bytes.append(UInt8(ascii: "["))
            for (index, node) in nodes.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                node.write(to: &bytes)
            }
            bytes.append(UInt8(ascii: "]"))
        case .members(let members):
            bytes.append(UInt8(ascii: "{"))
            for (index, member) in members.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                Self.write(member.name, to: &bytes)
                bytes.append(UInt8(ascii: ":"))
                member.node.write(to: &bytes)
            }
            bytes.append(UInt8(ascii: "}"))
        }
    }

    private static func write(_ text: String, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        if text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }) {
            bytes += text.utf8
            bytes.append(UInt8(ascii: "\""))
            return
        }
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""): bytes += [UInt8(ascii: "\\"), byte]
            case UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), byte]
            case 0x0A: bytes += "\\n".utf8
            case 0x0D: bytes += "\\r".utf8
            case 0x09: bytes += "\\t".utf8
            case 0..<0x20, 0x7F: bytes += "\\u00\([byte].hex)".utf8
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }
}
