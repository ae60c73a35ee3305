/// How long a web server waits for an answer, as a line of its configuration says.
///
/// Files are read a line at a time for the directives that matter, not parsed: what another directive would change
/// around them is not seen.
struct WebServerTimeout: Equatable {
    let directive: String
    let duration: Duration
    /// Counted from 1.
    let line: Int

    /// A directive, and how its number is meant when it has no unit.
    private struct Form {
        let words: [String]
        let unit: Duration

        init(_ words: String, unit: Duration = .seconds(1)) {
            self.words = words.split(separator: " ").map(String.init)
            self.unit = unit
        }
    }

    private static let forms = [
        // nginx: ngx_http_fastcgi_module, ngx_http_proxy_module.
        Form("fastcgi_read_timeout"), Form("proxy_read_timeout"),
        // Apache: core, mod_proxy, mod_cgid, mod_fcgid. Names are compared without regard to case, as there.
        Form("timeout"), Form("proxytimeout"), Form("cgidscripttimeout"), Form("fcgidiotimeout"),
        // lighttpd: mod_fastcgi, mod_proxy, mod_cgi.
        Form("\"read-timeout\" =>"), Form("cgi.limits.read-timeout ="),
        // HAProxy counts milliseconds.
        Form("timeout server", unit: .milliseconds(1)),
    ]

    /// Every time-out that the file names, commented lines left out.
    static func all(in text: String) -> [WebServerTimeout] {
        text.split(separator: "\n", omittingEmptySubsequences: false).enumerated().flatMap { index, line in
            all(inLine: line.prefix { $0 != "#" }, number: index + 1)
        }
    }

    private static func all(inLine line: Substring, number: Int) -> [WebServerTimeout] {
        let words = line.split { " \t;,(){}".contains($0) }.map { $0.lowercased() }
        var found: [WebServerTimeout] = []
        for start in words.indices {
            for form in forms where words[start...].starts(with: form.words) {
                let place = start + form.words.count
                guard place < words.count, let duration = duration(words[place], unit: form.unit) else { continue }
                let directive = form.words.joined(separator: " ")
                found.append(.init(directive: directive, duration: duration, line: number))
            }
            // Apache's parameter of a worker: ProxyPass … timeout=60.
            if words[start].hasPrefix("timeout="), words[0].hasPrefix("proxy") || words[0] == "balancermember",
                let duration = duration(String(words[start].dropFirst(8)), unit: .seconds(1))
            {
                found.append(.init(directive: "timeout=", duration: duration, line: number))
            }
        }
        return found
    }

    /// `60`, `60s`, `1m30s`, `500ms`.
    private static func duration(_ text: String, unit: Duration) -> Duration? {
        let units: [String: Duration] = [
            "": unit, "ms": .milliseconds(1), "s": .seconds(1), "m": .seconds(60), "mi": .seconds(60),
            "h": .seconds(3_600), "d": .seconds(86_400),
        ]
        var total = Duration.zero
        var rest = text[...]
        guard rest.first?.isNumber == true else { return nil }
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isNumber }
            rest = rest.dropFirst(digits.count)
            let letters = rest.prefix { !$0.isNumber }
            rest = rest.dropFirst(letters.count)
            guard let number = Int(digits), number < 1_000_000_000, let unit = units[String(letters)] else {
                return nil
            }
            total += unit * number
        }
        return total
    }
}

extension Duration {
    /// In seconds, to read: `60`, `0.5`.
    var seconds: String {
        let (whole, fraction) = (components.seconds, components.attoseconds / 1_000_000_000_000_000)
        return fraction == 0 ? "\(whole)" : "\(Double(whole) + Double(fraction) / 1_000)"
    }
}
