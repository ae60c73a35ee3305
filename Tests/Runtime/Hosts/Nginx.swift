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
        try check(mkdir(directory, 0o700), "mkdir")
        defer { remove(directory) }
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
        try write(configuration, to: directory + "/nginx.conf")
        let process = try spawn([path, "-p", directory, "-c", "nginx.conf", "-e", "error.log"])
        do {
            let nginx = Nginx(address: try SocketAddress(unixDomainSocketPath: directory + "/nginx.sock"))
            try await eventually { await isListening(nginx.address) }
            let result = try await body(nginx)
            try await end(process)
            return result
        } catch {
            try await end(process)
            throw error
        }
    }

    struct Failure: Error {
        var call: String
        var code: CInt
    }

    private static func check(_ result: CInt, _ call: String) throws {
        guard result == 0 else { throw Failure(call: call, code: errno) }
    }

    private static func write(_ text: String, to path: String) throws {
        guard let file = fopen(path, "w") else { throw Failure(call: "fopen", code: errno) }
        fputs(text, file)
        try check(fclose(file), "fclose")
    }

    private static func spawn(_ arguments: [String]) throws -> pid_t {
        var process: pid_t = 0
        var pointers = arguments.map { strdup($0) } + [nil]
        defer { for pointer in pointers { free(pointer) } }
        let result = posix_spawn(&process, arguments[0], nil, nil, &pointers, environ)
        guard result == 0 else { throw Failure(call: "posix_spawn", code: result) }
        return process
    }

    private static func end(_ process: pid_t) async throws {
        kill(process, SIGTERM)
        try await eventually {
            var status: CInt = 0
            return waitpid(process, &status, WNOHANG) == process
        }
    }

    /// What nginx leaves: files, and directories of files.
    private static func remove(_ path: String) {
        if let directory = opendir(path) {
            while let entry = readdir(directory) {
                let name = withUnsafeBytes(of: entry.pointee.d_name) {
                    String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
                }
                if name != ".", name != ".." { remove(path + "/" + name) }
            }
            closedir(directory)
        }
        Glibc.remove(path)
    }
}
