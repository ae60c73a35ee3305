import FunctionCore
import Glibc
import NIOCore

/// A real nginx in front of a FastCGI socket, with a directory and sockets of its own.
struct Nginx {
    static let path = "/usr/sbin/nginx"
    static var isInstalled: Bool { access(path, X_OK) == 0 }

    /// Where nginx listens.
    let address: SocketAddress

    /// - Parameter keepsConnections: `fastcgi_keep_conn`, with a cache of idle connections.
    static func with<Result>(
        application socket: String, keepsConnections: Bool, buffers: Bool = true, _ body: (Nginx) async throws -> Result
    ) async throws -> Result {
        let directory = temporaryPath()
        try SystemFailure.check(mkdir(directory, 0o700), "mkdir")
        defer { removeAll(directory) }
        let configuration = """
            \(geteuid() == 0 ? "user root;" : "")
            daemon off; worker_processes 1; pid nginx.pid; error_log error.log;
            events { worker_connections 256; }
            http {
                access_log off; client_max_body_size 8m; client_body_temp_path body; proxy_temp_path proxy;
                fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
                upstream application { server unix:\(socket); \(keepsConnections ? "keepalive 4;" : "") }
                server {
                    listen unix:\(directory)/nginx.sock;
                    location / {
                        fastcgi_pass application;
                        fastcgi_keep_conn \(keepsConnections ? "on" : "off");
                        fastcgi_buffering \(buffers ? "on" : "off");
                        fastcgi_param REQUEST_METHOD $request_method; fastcgi_param REQUEST_URI $request_uri;
                        fastcgi_param QUERY_STRING $query_string; fastcgi_param SCRIPT_NAME $fastcgi_script_name;
                        fastcgi_param CONTENT_LENGTH $content_length; fastcgi_param CONTENT_TYPE $content_type;
                        fastcgi_param REMOTE_ADDR 192.0.2.33; fastcgi_param HTTP_PROXY "";
                    }
                }
            }
            """
        try writeFile(configuration, to: directory + "/nginx.conf")
        let process = try RunningProgram([path, "-p", directory, "-c", "nginx.conf", "-e", "error.log"])
        do {
            let nginx = Nginx(address: try SocketAddress(unixDomainSocketPath: directory + "/nginx.sock"))
            try await eventually { await isListening(nginx.address) }
            let result = try await body(nginx)
            try await process.end()
            return result
        } catch {
            try await process.end()
            throw error
        }
    }
}
