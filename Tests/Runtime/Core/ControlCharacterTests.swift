import Testing

@testable import FunctionCore

@Suite struct ControlCharacterTests {
    @Test("every byte is judged alike at every place", arguments: [false, true])
    func everywhere(besidesTab: Bool) {
        for byte in UInt8.min...UInt8.max {
            let isControl = (byte < 0x20 && !(besidesTab && byte == 0x09)) || byte == 0x7F
            for count in 1...17 {
                for place in 0..<count {
                    // Neighbours that a borrow or a carry between bytes would be seen in.
                    for neighbour in [0x20, 0x61, 0x7E, 0x80, 0xFF] as [UInt8] {
                        var bytes = [UInt8](repeating: neighbour, count: count)
                        bytes[place] = byte
                        let found = bytes.withUnsafeBufferPointer { $0.hasControlCharacter(besidesTab: besidesTab) }
                        if found != isControl { Issue.record("\(byte) at \(place) of \(count) among \(neighbour)") }
                    }
                }
            }
        }
    }
}
