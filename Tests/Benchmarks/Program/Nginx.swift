import DevHost
import Glibc

/// The one nginx that all contenders stand behind, each on a port of its own.
struct Nginx: Sendable {
    private let ports: [String: Int]
    let program: Supervisor.Program

    static let workers = 2

    static func start(_ contenders: [Contender], _ lab: Lab) async throws -> Nginx {
        let ports = Dictionary(try contenders.map { ($0.label, try freePort()) }) { $1 }
        let servers = contenders.map { server($0, port: ports[$0.label] ?? 0, lab) }
        let path = lab.path("nginx.conf")
        try Files.write(configuration(servers.joined(), directory: lab.state.sockets), to: path, mode: 0o600)
        let program = try lab.supervisor.start(
            "nginx",
            Command(try lab.find("nginx"), ["-c", path, "-e", "stderr"], environment: Command.plainEnvironment()))
        return Nginx(ports: ports, program: program)
    }

    /// Where nginx passes requests on to the contender.
    func address(of contender: Contender) -> HTTPAddress {
        HTTPAddress(port: ports[contender.label] ?? 0)
    }

    private static func freePort() throws -> Int {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(descriptor, address, size) == 0 ? getsockname(descriptor, address, &size) : -1
            }
        }
        guard result == 0 else { throw BenchError("no free port: \(String(cString: strerror(errno)))") }
        return Int(UInt16(bigEndian: address.sin_port))
    }

    private static func configuration(_ servers: String, directory: String) -> String {
        """
        daemon off;
        user root;
        pid \(directory)/nginx.pid;
        worker_processes \(workers);
        worker_rlimit_nofile 16384;
        events { worker_connections 8192; }
        http {
          access_log off;
          keepalive_requests 1000000;
          client_body_temp_path \(directory)/body;
          proxy_temp_path \(directory)/proxy;
          fastcgi_temp_path \(directory)/fastcgi;
          uwsgi_temp_path \(directory)/uwsgi;
          scgi_temp_path \(directory)/scgi;
        \(servers)}

        """
    }

    private static func server(_ contender: Contender, port: Int, _ lab: Lab) -> String {
        let keepAlive =
            if case .fastCGI(keepsConnections: false) = contender.gateway { "" } else {
                "keepalive 64; keepalive_requests 1000000;"
            }
        let pass =
            switch contender.gateway {
            case .http:
                "proxy_pass http://\(contender.label); proxy_http_version 1.1; proxy_set_header Connection \"\";"
            case .fastCGI(let keepsConnections):
                """
                fastcgi_pass \(contender.label); fastcgi_keep_conn \(keepsConnections ? "on" : "off");
                      fastcgi_param SCRIPT_FILENAME \(lab.peers)/php/index.php;
                      fastcgi_param SCRIPT_NAME $fastcgi_script_name;
                      fastcgi_param QUERY_STRING $query_string;
                      fastcgi_param REQUEST_METHOD $request_method;
                      fastcgi_param CONTENT_TYPE $content_type;
                      fastcgi_param CONTENT_LENGTH $content_length;
                      fastcgi_param REQUEST_URI $request_uri;
                      fastcgi_param DOCUMENT_URI $document_uri;
                      fastcgi_param SERVER_PROTOCOL $server_protocol;
                      fastcgi_param REQUEST_SCHEME $scheme;
                      fastcgi_param GATEWAY_INTERFACE CGI/1.1;
                      fastcgi_param SERVER_SOFTWARE nginx;
                      fastcgi_param REMOTE_ADDR $remote_addr;
                      fastcgi_param REMOTE_PORT $remote_port;
                      fastcgi_param SERVER_ADDR $server_addr;
                      fastcgi_param SERVER_PORT $server_port;
                      fastcgi_param SERVER_NAME $server_name;
                """
            }
        return """
              upstream \(contender.label) { server unix:\(lab.path(contender.label)); \(keepAlive) }
              server {
                listen 127.0.0.1:\(port) backlog=1024;
                location / {
                  \(pass)
                }
              }

            """
    }
}
