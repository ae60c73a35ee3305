import Testing

@testable import callwaiting

@Suite struct WebServerTimeoutTests {
    @Test(
        "a web server's time-out is read in the unit of that server",
        arguments: [
            ("    fastcgi_read_timeout 60s;", "fastcgi_read_timeout", Duration.seconds(60)),
            ("proxy_read_timeout 1m30s;", "proxy_read_timeout", .seconds(90)),
            ("fastcgi_read_timeout 75;", "fastcgi_read_timeout", .seconds(75)),
            ("Timeout 60", "timeout", .seconds(60)),
            ("ProxyTimeout 500ms", "proxytimeout", .milliseconds(500)),
            ("FcgidIOTimeout 60", "fcgidiotimeout", .seconds(60)),
            ("CGIDScriptTimeout 60s", "cgidscripttimeout", .seconds(60)),
            (#"ProxyPass "/" "unix:/run/x|fcgi://x/" timeout=65 retry=0"#, "timeout=", .seconds(65)),
            (#"    "read-timeout" => 60,"#, #""read-timeout" =>"#, .seconds(60)),
            ("    timeout server 60s", "timeout server", .seconds(60)),
            ("timeout server 45000", "timeout server", .seconds(45)),
        ])
    func units(_ line: String, _ directive: String, _ duration: Duration) {
        #expect(
            WebServerTimeout.all(in: "\n\(line)") == [.init(directive: directive, duration: duration, line: 2)])
    }

    @Test(
        "other lines are none",
        arguments: [
            "# fastcgi_read_timeout 10s;", "timeout connect 5s", "timeout client 5s", "keepalive_timeout 5s;",
            "server unix:/x max_fails=0 fail_timeout=5s;", "fastcgi_read_timeout ${WAIT};", "timeout server 5parsecs",
        ])
    func others(_ line: String) {
        #expect(WebServerTimeout.all(in: line).isEmpty)
    }
}
