import FunctionChannel
import NIOCore
import NIOHTTP1

/// Plain HTTP/1.1 on a channel.
public enum HTTPPipeline {
    /// Adds what turns bytes into requests for `serving`, and its answers into bytes. Called on the channel's event
    /// loop.
    public static func add(to channel: any Channel, serving: Serving) throws {
        var limits = NIOHTTPDecoderLimitConfiguration()
        limits.maxHeaderFieldCount = serving.limits.headerFields
        limits.maxHeaderFieldSize = serving.limits.headerFieldBytes
        limits.maxHeaderListSize = serving.limits.headerBytes
        let decoder = HTTPRequestDecoder(leftOverBytesStrategy: .dropBytes, limitConfiguration: limits)
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandler(ByteToMessageHandler(decoder))
        try pipeline.addHandler(HTTPHandler(serving))
        try pipeline.addHandler(RequestHandler(serving, .http))
    }
}
