import CCurl
import HTTPTypes

/// One exchange: owns one CURL*, freed in `deinit`, and what libcurl keeps pointers into. Lives on libcurl's thread
/// only. Whoever adds it to a multi handle keeps it alive and removes it from there first.
final class Transfer {
    let easy: UnsafeMutableRawPointer
    let job: Job

    /// Kept by libcurl through CURLOPT_HTTPHEADER.
    let fieldList = FieldList()
    /// Kept by libcurl through CURLOPT_ERRORBUFFER; CURL_ERROR_SIZE bytes.
    let errorText: UnsafeMutablePointer<CChar>

    private var head: ResponseHead
    private var body: [UInt8] = []
    private var received = 0
    private var isHeadSent = false
    /// Why a callback ended the transfer; libcurl itself then only knows CURLE_WRITE_ERROR.
    private var failure: WebError.Kind?

    /// - Throws: `.failedInit` when out of memory, and whatever an option was refused with. `job` is not answered then.
    init(_ job: Job, _ configuration: WebClient.Configuration) throws(WebError.Code) {
        guard let easy = curl_easy_init() else { throw .failedInit }
        self.easy = easy
        self.job = job
        head = ResponseHead(limit: configuration.headerLimit)
        errorText = .allocate(capacity: Int(CURL_ERROR_SIZE))
        errorText.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
        try setOptions(configuration)
    }

    deinit {
        // Before what it points into.
        curl_easy_cleanup(easy)
        errorText.deallocate()
    }

    /// Takes a line of the head, or of the trailers.
    /// - Returns: false to end the transfer.
    func takeLine(_ line: UnsafeRawBufferPointer) -> Bool {
        do throws(ResponseHead.Failure) {
            guard try head.take(line) else { return true }
        } catch {
            failure = error == .tooLarge ? .tooLarge : .other(.weirdServerReply)
            return false
        }
        // HEAD, 204 and 304 declare a length without having a body.
        let hasBody = job.request.method != .head && head.status != .noContent && head.status != .notModified
        if hasBody, let length = head.declaredLength {
            guard length <= job.request.responseLimit else {
                failure = .tooLarge
                return false
            }
            body.reserveCapacity(min(length, Self.largestReserve))
        }
        sendHead()
        return true
    }

    /// Takes bytes of the body.
    /// - Returns: how many were taken, `CURL_WRITEFUNC_PAUSE`, or 0 to end the transfer.
    func takeBody(_ bytes: UnsafeRawBufferPointer) -> Int {
        guard bytes.count <= job.request.responseLimit - received else {
            failure = .tooLarge
            return 0
        }
        switch job.outlet {
        case .whole: body.append(contentsOf: bytes)
        case .stream(_, let pipe): guard pipe.push(bytes) else { return Int(CURL_WRITEFUNC_PAUSE) }
        }
        received += bytes.count
        return bytes.count
    }

    /// Answers the job with libcurl's result.
    /// - Returns: the error, if it was one, for the log.
    func finish(_ result: CURLcode) -> WebError? {
        if result == CURLE_OK, head.isComplete {
            succeed()
            return nil
        }
        let detail = String(cString: errorText)
        let error: WebError
        if let failure {
            error = WebError(failure, url: job.request.url, detail: detail)
        } else if result == CURLE_OK {
            error = WebError(.other(.weirdServerReply), url: job.request.url, detail: detail)
        } else {
            var microseconds: curl_off_t = 0
            let isKnown = shim_easy_get_offset(easy, CURLINFO_PRETRANSFER_TIME_T, &microseconds) == CURLE_OK
            let isOverdue = ContinuousClock.now >= job.request.deadline
            error = WebError(
                .init(result), connected: isOverdue || (isKnown && microseconds > 0), url: job.request.url,
                detail: detail)
        }
        fail(error)
        return error
    }

    func fail(_ error: WebError) {
        switch job.outlet {
        case .whole(let continuation): continuation.resume(returning: .failure(error))
        case .stream(let continuation, let pipe):
            if isHeadSent { pipe.finish(error) } else { continuation.resume(returning: .failure(error)) }
        }
    }

    private func sendHead() {
        guard case .stream(let continuation, _) = job.outlet, let status = head.status else { return }
        isHeadSent = true
        continuation.resume(returning: .success(WebResponse(status: status, fields: head.fields)))
    }

    private func succeed() {
        switch job.outlet {
        case .whole(let continuation):
            // `head.isComplete` means that there is a status.
            guard let status = head.status else { preconditionFailure("a complete head has a status") }
            continuation.resume(returning: .success(WebResponse(status: status, fields: head.fields, body: body)))
        case .stream(_, let pipe): pipe.finish(nil)
        }
    }

    /// Bytes set aside at once on the word of a `Content-Length`.
    private static let largestReserve = 1_048_576
}
