import CCurl
import Glibc
import HTTPTypes

extension Transfer {
    /// Everything that libcurl is told about one exchange.
    func setOptions(_ configuration: WebClient.Configuration) throws(WebError.Code) {
        try setTarget()
        try setTime(configuration)
        try setBehaviour(configuration)
        try setTrust(configuration)
        try setFields(configuration)
        try setCallbacks()
    }

    private func setTarget() throws(WebError.Code) {
        let request = job.request
        // libcurl guesses a scheme where there is none, and a C string ends at NUL.
        let scheme = request.url.prefix { $0 != ":" }.lowercased()
        guard scheme == "http" || scheme == "https" else { throw .unsupportedProtocol }
        guard FieldList.isOneLine(request.url.utf8) else { throw .malformedURL }
        try set(CURLOPT_URL, request.url)
        try set(CURLOPT_PROTOCOLS_STR, "http,https")
        try set(CURLOPT_PATH_AS_IS, 1)
        switch (request.method, request.body) {
        case (.connect, _), (.head, .some): throw .badFunctionArgument
        case (.head, nil): try set(CURLOPT_NOBODY, 1)
        case (.get, nil): try set(CURLOPT_HTTPGET, 1)
        case (.post, let body): try setBody(body ?? [])
        case (.put, let body), (.patch, let body):
            try setBody(body ?? [])
            try set(CURLOPT_CUSTOMREQUEST, request.method.rawValue)
        case (_, let body):
            if let body { try setBody(body) } else { try set(CURLOPT_HTTPGET, 1) }
            try set(CURLOPT_CUSTOMREQUEST, request.method.rawValue)
        }
    }

    private func setBody(_ body: [UInt8]) throws(WebError.Code) {
        try set(CURLOPT_POST, 1)
        // The size first: COPYPOSTFIELDS copies that many bytes. Never a null pointer, for which stdin is read.
        try check(shim_easy_set_offset(easy, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(body.count)))
        let result = body.withUnsafeBytes { bytes in
            withUnsafePointer(to: UInt8(0)) { nothing in
                shim_easy_set_pointer(easy, CURLOPT_COPYPOSTFIELDS, bytes.baseAddress ?? UnsafeRawPointer(nothing))
            }
        }
        try check(result)
    }

    private func setTime(_ configuration: WebClient.Configuration) throws(WebError.Code) {
        let left = job.request.deadline - .now
        guard left > .zero else { throw .operationTimedOut }
        try set(CURLOPT_TIMEOUT_MS, left.wholeMilliseconds)
        try set(CURLOPT_CONNECTTIMEOUT_MS, configuration.connectTimeout.wholeMilliseconds)
        // Without it libcurl uses SIGALRM for name lookup.
        try set(CURLOPT_NOSIGNAL, 1)
        // Without it, ending a transfer during name lookup waits for the resolver, and with it every other transfer.
        try set(CURLOPT_QUICK_EXIT, 1)
    }

    private func setBehaviour(_ configuration: WebClient.Configuration) throws(WebError.Code) {
        // An empty name means no proxy, whatever http_proxy and ALL_PROXY say (httpoxy, CVE-2016-5385).
        try set(CURLOPT_PROXY, "")
        try set(CURLOPT_FOLLOWLOCATION, 0)
        try set(CURLOPT_NETRC, 0)
        // No decoding, so that a small answer cannot unfold into a large one.
        try set(CURLOPT_HTTP_CONTENT_DECODING, 0)
        let isStream = if case .stream = job.outlet { true } else { false }
        // Until libcurl 8.7 each transfer has one of its own for as long as it waits, and thousands wait for short answers.
        try set(CURLOPT_BUFFERSIZE, isStream ? 8_192 : 2_048)
        try set(CURLOPT_HTTP_VERSION, isStream ? Int(CURL_HTTP_VERSION_1_1) : Int(CURL_HTTP_VERSION_2TLS))
    }

    private func setTrust(_ configuration: WebClient.Configuration) throws(WebError.Code) {
        try set(CURLOPT_SSL_VERIFYPEER, 1)
        try set(CURLOPT_SSL_VERIFYHOST, 2)
        try set(CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2))
        if let file = configuration.certificateAuthorityFile { try set(CURLOPT_CAINFO, file) }
    }

    private func setFields(_ configuration: WebClient.Configuration) throws(WebError.Code) {
        guard FieldList.isOneLine(configuration.userAgent.utf8) else { throw .badFunctionArgument }
        try set(CURLOPT_USERAGENT, configuration.userAgent)
        for field in job.request.fields { try fieldList.append(field) }
        // libcurl would wait up to a second for 100 Continue, and call every body a form.
        try fieldList.suppress(.expect)
        if !job.request.fields.contains(.contentType) { try fieldList.suppress(.contentType) }
        try check(shim_easy_set_list(easy, CURLOPT_HTTPHEADER, fieldList.head))
    }

    private func setCallbacks() throws(WebError.Code) {
        // Unretained: the loop keeps the transfer alive until libcurl has let go of the handle.
        let this = Unmanaged.passUnretained(self).toOpaque()
        try check(shim_easy_set_pointer(easy, CURLOPT_ERRORBUFFER, errorText))
        try check(shim_easy_set_pointer(easy, CURLOPT_PRIVATE, this))
        try check(shim_easy_set_pointer(easy, CURLOPT_HEADERDATA, this))
        try check(shim_easy_set_pointer(easy, CURLOPT_WRITEDATA, this))
        try check(
            shim_easy_set_write(easy, CURLOPT_HEADERFUNCTION) { line, size, count, this in
                guard let this else { return 0 }
                let line = UnsafeRawBufferPointer(start: line, count: size * count)
                return Unmanaged<Transfer>.fromOpaque(this).takeUnretainedValue().takeLine(line) ? line.count : 0
            })
        try check(
            shim_easy_set_write(easy, CURLOPT_WRITEFUNCTION) { bytes, size, count, this in
                guard let this else { return 0 }
                let bytes = UnsafeRawBufferPointer(start: bytes, count: size * count)
                return Unmanaged<Transfer>.fromOpaque(this).takeUnretainedValue().takeBody(bytes)
            })
        // libcurl's own sockets would be inherited by child processes.
        try check(
            shim_easy_set_open_socket(easy) { _, _, address in
                guard let address = address?.pointee else { return -1 }
                return socket(address.family, address.socktype | Int32(SOCK_CLOEXEC.rawValue), address.protocol)
            })
    }

    private func set(_ option: CURLoption, _ value: Int) throws(WebError.Code) {
        try check(shim_easy_set_long(easy, option, value))
    }

    private func set(_ option: CURLoption, _ value: String) throws(WebError.Code) {
        try check(shim_easy_set_string(easy, option, value))
    }

    private func check(_ result: CURLcode) throws(WebError.Code) {
        guard result == CURLE_OK else { throw WebError.Code(result) }
    }
}

extension Duration {
    /// Rounded up, at least 1 (to libcurl 0 means for ever), at most what 32 bits hold (24 days).
    var wholeMilliseconds: Int {
        let (seconds, attoseconds) = components
        guard seconds < 2_000_000 else { return 2_000_000_000 }
        return max(1, Int(seconds) * 1_000 + Int((attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000))
    }
}
