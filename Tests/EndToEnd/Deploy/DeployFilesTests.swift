import DevHost
import Glibc
import Testing

/// What the files of deploy/ say of the repository and of each other.
@Suite struct DeployFilesTests {
    private func text(_ path: String) throws -> String {
        try #require(try Files.read("\(TestBed.repository)/\(path)"), "\(path) is there")
    }

    @Test("what the container file copies is there, and .dockerignore lets it through")
    func containerSources() throws {
        let file = try text("deploy/container/Containerfile")
        let admitted = try text(".dockerignore").split(separator: "\n").filter { $0.hasPrefix("!") }
            .map { $0.dropFirst() }
        var sources: [String] = []
        for line in file.split(separator: "\n") where line.hasPrefix("COPY ") && !line.contains("--from=") {
            sources += line.split(separator: " ").dropFirst().dropLast().map(String.init)
        }
        #expect(sources.count >= 6)
        for source in sources {
            #expect(Files.exists("\(TestBed.repository)/\(source)"), "\(source)")
            #expect(admitted.contains { source == $0 || source.hasPrefix("\($0)/") }, "\(source) is let through")
        }
        let product = try #require(file.firstMatch(of: #/COPY --from=build /src/(\S+)/release/callwaiting /usr/#))
        #expect(file.contains("--scratch-path \(product.output.1)"))
    }

    @Test("the container's packages are what the program is linked with, and certificates")
    func containerPackages() async throws {
        let stages = try text("deploy/container/Containerfile").split(separator: "FROM ")
        let last = try #require(stages.last)
        let line = try #require(last.firstMatch(of: #/--no-install-recommends ([^\n\\]+)/#))
        let installed = Set(line.output.1.split(separator: " ").map(String.init))

        let program = try BuiltHost.products() + "/callwaiting"
        let dynamic = try await Command("/usr/bin/readelf", ["-d", program]).output().text
        // Swift's own libraries are in the release build itself (--static-swift-stdlib).
        let libraries = dynamic.matches(of: /NEEDED.*\[(\S+)\]/).map { String($0.output.1) }
            .filter { !$0.hasPrefix("libswift") && !$0.hasPrefix("lib_Foundation") && !$0.hasPrefix("libFoundation") }
            .filter { !["libdispatch.so", "libBlocksRuntime.so"].contains($0) }
        #expect(libraries.contains("libpq.so.5"))
        // In every Debian image: apt and dpkg stand on them.
        let present: Set = ["libc6", "libgcc-s1", "libstdc++6", "zlib1g"]
        var needed: Set = ["ca-certificates"]
        for library in libraries where !library.hasPrefix("ld-") {
            let owner = try await Command(
                "/usr/bin/dpkg", ["-S", "*/\(library)"], environment: Command.plainEnvironment()
            ).output().text
            let package = try #require(owner.split(separator: ":").first.map(String.init), "\(library)")
            if !present.contains(package) { needed.insert(package) }
        }
        #expect(installed == needed)
    }

    @Test("logrotate takes the file as it is", .enabled(if: access("/usr/sbin/logrotate", X_OK) == 0))
    func logrotate() async throws {
        try await withTemporaryDirectory { directory in
            // Its user need not exist here, and a file that somebody else may write is refused.
            let file = try text("deploy/logrotate.conf").replacing("su callwaiting callwaiting", with: "su root root")
                .replacing("create 0640 callwaiting callwaiting", with: "create 0640 root root")
            try Files.write(file, to: "\(directory)/callwaiting", mode: 0o644)
            let run = try await Command(
                "/usr/sbin/logrotate", ["--debug", "--state", "\(directory)/state", "\(directory)/callwaiting"],
                environment: Command.plainEnvironment()
            ).output()
            #expect(run.status.isSuccess, "\(run.text)")
            #expect(!run.text.contains("error:"), "\(run.text)")
        }
    }

    @Test("every path and unit that deploy/README.md names is what the installer puts in place")
    func readme() async throws {
        let readme = try text("deploy/README.md")
        try await withTemporaryDirectory { directory in
            let installation = try Installation(in: directory)
            try await installation.run()
            for match in readme.matches(
                of: #//(?:usr/local/(?:bin|lib|libexec|share)|etc/callwaiting)/[A-Za-z0-9_./-]+/#)
            {
                let path = String(match.output)
                // Those that the reader makes.
                if path.contains("/credentials/") || path.hasSuffix("/migrate.env") { continue }
                let name = path.hasSuffix(".") ? String(path.dropLast()) : path
                #expect(Files.exists(installation.path(name)), "\(name)")
            }
            for match in readme.matches(of: /\bcallwaiting(?:-[a-z]+)*\.(?:service|socket|timer)\b/) {
                let unit = "/usr/local/lib/systemd/system/\(match.output)"
                #expect(Files.exists(installation.path(unit)), "\(unit)")
            }
            for match in readme.matches(of: #/\]\(((?!\.\.|http)[A-Za-z0-9_./-]+)\)/#) {
                #expect(Files.exists("\(TestBed.repository)/deploy/\(match.output.1)"), "\(match.output.1)")
            }
        }
    }
}
