import CGlibc

/// A CGI program that has its request answered by a server which is running already.
///
/// Where there is none, or it cannot take the request, the executable that serves takes this process's place and answers
/// by itself, as if the web server had called it; and a server is started for the next one.
enum WarmCGI {
    /// Answers the one request and ends the process.
    static func run(_ names: InstallationNames) -> Never {
        prepare()
        guard getenv("GATEWAY_INTERFACE") != nil else {
            System.complain("a web server calls this for one request (CGI); there is none")
            exit(64)  // EX_USAGE of sysexits.h
        }
        let environment = CGIEnvironment(CGIEnvironment.ofProcess(), settings: names.settings)
        guard let installation = Installation(names, environment) else {
            System.complain("\(names.program) is not beside this program; \(names.programVariable) can name it")
            answer("500 Internal Server Error", code: "internal", "Something went wrong on our side")
            _exit(1)
        }
        do throws(ResidentDirectory.Refusal) {
            let directory = try ResidentDirectory(ResidentDirectory.path(names, environment))
            if let status = handOver(installation, directory, environment) { _exit(status) }
        } catch {
            System.complain("answering without a resident server: \(error.text)")
        }
        answerAlone(installation)
    }

    /// A write to a web server that left must fail, not end us unasked; and no socket of ours may take the place of a
    /// descriptor that the web server left closed.
    private static func prepare() {
        cglibc_ignore(SIGPIPE)
        for descriptor: Int32 in 0...2 where cglibc_descriptor_flags(descriptor) == -1 {
            _ = cglibc_open("/dev/null", O_RDWR)
        }
    }

    /// - Returns: the exit status; nil when this process may still answer: nothing has been answered, the body has not been
    ///   read, and what may have been begun may be done twice.
    private static func handOver(
        _ installation: Installation, _ directory: ResidentDirectory, _ environment: CGIEnvironment
    ) -> Int32? {
        let connection: ResidentConnection
        do throws(ResidentConnection.Failure) {
            connection = try ResidentConnection(installation, in: directory)
        } catch {
            if case .nobody = error {
                ResidentLauncher(
                    installation: installation, directory: directory, environment: environment.installation
                ).launch()
            } else {
                System.complain(error.text)
            }
            return nil
        }
        var handover = Handover(connection, bodyLength: environment.bodyLength)
        let program = cglibc_arguments()[0].map { String(cString: $0) } ?? ""
        let parameters = environment.request + [NameValuePair("CALLWAITING_PROGRAM", program)]
        do throws(Handover.Failure) {
            if environment.mayBeDoneTwice { return try handover.ask(parameters) }
            try handover.offer(parameters)
        } catch {
            System.complain(error.text)
            return error == .unwanted ? 1 : nil
        }
        do throws(Handover.Failure) {
            return try handover.complete()
        } catch {
            System.complain("in the middle of a request: \(error.text)")
            if error != .unwanted {
                answer("502 Bad Gateway", code: "application_unavailable", "The application did not answer")
            }
            return 1
        }
    }

    /// Becomes the executable that serves. Its own name stays what the web server called, since that may choose the
    /// function; its environment and input are as they came.
    private static func answerAlone(_ installation: Installation) -> Never {
        execv(installation.executable, cglibc_arguments())
        System.complain("\(installation.executable): \(System.message(errno))")
        answer("500 Internal Server Error", code: "internal", "Something went wrong on our side")
        _exit(1)
    }

    /// What the caller reads when nobody can answer (RFC 9457).
    private static func answer(_ status: String, code: String, _ title: String) {
        let body =
            #"{"type":"urn:callwaiting:problem:\#(code)","title":"\#(title)","status":\#(status.prefix(3)),"#
            + #""code":"\#(code)"}"#
        let text =
            "Status: \(status)\r\nContent-Type: application/problem+json\r\nCache-Control: no-store\r\n"
            + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
        let bytes = Array(text.utf8)
        _ = write(1, bytes, bytes.count)
    }
}
