import DevHost
import FoundationEssentials
import FunctionCore
import FunctionTesting
import Glibc
import Testing

@testable import callwaiting

/// The ways in which the same functions are served.
enum Host: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case inMemory = "in memory"
    case http = "over plain HTTP"
    case nginx = "over FastCGI behind nginx"
    case lighttpd = "as CGI under lighttpd"
    case warmCGI = "as warm CGI under lighttpd"

    var testDescription: String { rawValue }

    /// Starts the host, runs `body` against it and stops it.
    func serve(_ bed: TestBed, _ body: (any RequestSender) async throws -> Void) async throws {
        let place = HostFiles(bed: bed)
        var programs: [Supervisor.Program] = []
        let sender: any RequestSender
        switch self {
        case .inMemory:
            sender = TestClient(try await bed.assembly().application)
        case .http:
            let port = try freePort()
            programs.append(
                try bed.supervisor.start(
                    "http",
                    Command(
                        TestBed.program("callwaiting"), ["http", "--listen", "127.0.0.1:\(port)"],
                        environment: bed.environment())))
            sender = HTTPSender(baseURL: "http://127.0.0.1:\(port)", client: bed.client)
        case .nginx:
            let port = try freePort()
            let socket = "\(place.directory)/fastcgi.sock"
            let configuration = try place.write("nginx.conf", nginx(port: port, socket: socket, in: place.directory))
            programs = [
                try bed.supervisor.start(
                    "fastcgi",
                    Command(
                        TestBed.program("callwaiting"), ["fastcgi", "--socket", socket, "--socket-mode", "666"],
                        environment: bed.environment())),
                try bed.supervisor.start(
                    "nginx", Command("/usr/sbin/nginx", ["-p", place.directory, "-c", configuration, "-e", "stderr"])),
            ]
            sender = HTTPSender(baseURL: "http://127.0.0.1:\(port)", client: bed.client)
        case .lighttpd, .warmCGI:
            let port = try freePort()
            let configuration = try place.write("lighttpd.conf", try lighttpd(port: port, in: place, bed))
            programs = [
                try bed.supervisor.start("lighttpd", Command("/usr/sbin/lighttpd", ["-D", "-f", configuration]))
            ]
            sender = HTTPSender(baseURL: "http://127.0.0.1:\(port)", client: bed.client)
        }
        do {
            if let sender = sender as? HTTPSender { try await sender.waitUntilReady() }
            try await body(sender)
        } catch {
            for program in programs { await program.stop() }
            throw error
        }
        for program in programs.reversed() { await program.stop() }
    }

    func nginx(port: Int, socket: String, in directory: String) -> String {
        """
        daemon off;
        worker_processes 1;
        pid \(directory)/nginx.pid;
        error_log stderr;
        events { worker_connections 256; }
        http {
          access_log off;
          client_body_temp_path \(directory)/body;
          fastcgi_temp_path \(directory)/fastcgi;
          proxy_temp_path \(directory)/proxy;
          scgi_temp_path \(directory)/scgi;
          uwsgi_temp_path \(directory)/uwsgi;
          upstream callwaiting { server unix:\(socket); keepalive 4; }
          server {
            listen 127.0.0.1:\(port);
            client_max_body_size 1m;
            location / {
              fastcgi_pass callwaiting;
              fastcgi_keep_conn on;
              fastcgi_param REQUEST_METHOD $request_method;
              fastcgi_param REQUEST_URI $request_uri;
              fastcgi_param QUERY_STRING $query_string;
              fastcgi_param CONTENT_TYPE $content_type;
              fastcgi_param CONTENT_LENGTH $content_length;
              fastcgi_param REMOTE_ADDR $remote_addr;
              fastcgi_param SERVER_PROTOCOL $server_protocol;
              fastcgi_param HTTP_PROXY "";
            }
          }
        }
        """
    }

    private func lighttpd(port: Int, in place: HostFiles, _ bed: TestBed) throws -> String {
        // The resident leaves soon after the scenario.
        let resident = ["CALLWAITING_RESIDENT_DIRECTORY": "\(place.directory)/resident", "RESIDENT_IDLE_TIME": "2"]
        let settings = self == .warmCGI ? bed.settings.merging(resident) { $1 } : bed.settings
        let variables = settings.map { "  \"\($0.key)\" => \"\($0.value)\"" }.joined(separator: ",\n")
        let program = "\(place.directory)/htdocs/callwaiting"
        try FileManager.default.createDirectory(
            atPath: "\(place.directory)/htdocs", withIntermediateDirectories: true)
        guard symlink(TestBed.program(self == .warmCGI ? "callwaiting-cgi" : "callwaiting"), program) == 0 else {
            throw TestBed.Failure("symlink failed")
        }
        return """
            server.modules = ("mod_rewrite", "mod_setenv", "mod_cgi")
            server.bind = "127.0.0.1"
            server.port = \(port)
            server.document-root = "\(place.directory)/htdocs"
            server.upload-dirs = ("\(place.directory)")
            server.errorlog = "/dev/null"
            url.rewrite-once = ("^/(.*)$" => "/callwaiting/$1")
            cgi.assign = ("callwaiting" => "")
            setenv.set-environment = (
            \(variables)
            )
            """
    }
}

/// A directory for one host's files.
struct HostFiles {
    let directory: String

    init(bed: TestBed) { directory = "\(bed.directory)/\([UInt8].random(count: 4).hex)" }

    func write(_ name: String, _ text: String) throws -> String {
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let path = "\(directory)/\(name)"
        guard FileManager.default.createFile(atPath: path, contents: Data(text.utf8)) else {
            throw TestBed.Failure("\(path) cannot be written")
        }
        return path
    }
}

/// A TCP port on loopback that was free a moment ago, for programs that cannot say which they took.
func freePort() throws -> Int {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isBound = withUnsafeMutablePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
        }
    }
    guard isBound else { throw TestBed.Failure("no port is free") }
    return Int(UInt16(bigEndian: address.sin_port))
}
