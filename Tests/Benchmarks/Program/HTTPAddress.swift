/// A server on this machine.
struct HTTPAddress: Sendable {
    let port: Int
    var url: String { "http://127.0.0.1:\(port)" }
}
