import FunctionChannel
import NIOCore

/// FastCGI 1.0 on a channel, as the application.
public enum FastCGIPipeline {
    /// Adds what turns bytes into requests for `serving`, and its answers into bytes. Called on the channel's event
    /// loop.
    public static func add(to channel: any Channel, serving: Serving) throws {
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandler(FastCGIHandler(serving))
        try pipeline.addHandler(RequestHandler(serving, .fastCGI))
    }
}
