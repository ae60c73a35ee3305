import FoundationEssentials
import Testing

@testable import callwaiting

/// What the tree promises about itself.
@Suite struct RepositoryTests {
    @Test("nothing in Runtime imports anything of Functions")
    func runtimeKnowsNoFunction() throws {
        let manifest = try text("Package.swift")
        let modules = Set(
            manifest.matches(of: /\.(?:shared|function|emulator)\(\s*"(\w+)"/).map { String($0.output.1) } + [
                "callwaiting"
            ])
        #expect(modules.count > 15, "the manifest was read")
        for file in try swiftFiles(below: "Runtime") {
            for line in try text(file).split(separator: "\n") where line.hasPrefix("import ") {
                let module = String(line.dropFirst("import ".count).prefix { $0 != "." })
                #expect(!modules.contains(module), "\(file) imports \(module)")
            }
        }
    }

    @Test("production links neither the emulators nor the development host")
    func productionIsClean() throws {
        let development = ["DevHost", "EmulatorControl", "OpenAIEmulator", "MiniMaxEmulator", "FlutterwaveEmulator"]
        for file in try swiftFiles(below: "Functions")
        where !file.contains("/Emulators/") && !file.contains("callwaiting-dev") {
            let source = try text(file)
            for module in development { #expect(!source.contains("import \(module)\n"), "\(file) imports \(module)") }
        }
    }

    @Test("every problem's code is in docs/errors.md")
    func errorsAreDocumented() throws {
        let documentation = try text("docs/errors.md")
        let sources = try (swiftFiles(below: "Runtime/Core") + swiftFiles(below: "Functions")).filter {
            !$0.contains("/Emulators/") && !$0.contains("callwaiting-dev")
        }
        var codes: Set<String> = []
        for file in sources {
            for match in try text(file).matches(of: /(?:= Self|\.init)\(\s*"([a-z_]+)", \./) {
                codes.insert(String(match.output.1))
            }
        }
        #expect(codes.count > 40, "the sources were read")
        for code in codes.sorted() { #expect(documentation.contains("| `\(code)` |"), "\(code)") }
    }

    @Test("every route is in docs/openapi.yaml, and every path there is a route")
    func routesAreDocumented() throws {
        let documented = Set(
            try text("docs/openapi.yaml").split(separator: "\n").compactMap { line -> String? in
                line.hasPrefix("  /") && line.hasSuffix(":") ? String(line.dropFirst(2).dropLast()) : nil
            })
        let routes = Set(Catalogue.entries.flatMap { $0.type.routes.map(\.pattern.description) })
        #expect(documented == routes)
    }

    @Test(".env.example and docs/configuration.md have every setting as the program prints it")
    func settingsAreDocumented() throws {
        let (example, documentation) = (try text(".env.example"), try text("docs/configuration.md"))
        for group in Setting.Group.allCases {
            let settings = Setting.all.filter { $0.group == group }
            let (env, markdown) = (SettingsCommand.env(group, settings), SettingsCommand.markdown(group, settings))
            #expect(example.contains(env.trimmed), "run `callwaiting settings --format env`")
            #expect(documentation.contains(markdown.trimmed), "run `callwaiting settings --format markdown`")
        }
    }

    private func text(_ path: String) throws -> String {
        let data = try #require(
            FileManager.default.contents(atPath: "\(TestBed.repository)/\(path)"), "\(path) is there")
        return String(decoding: data, as: UTF8.self)
    }

    private func swiftFiles(below folder: String) throws -> [String] {
        let paths = try FileManager.default.subpathsOfDirectory(atPath: "\(TestBed.repository)/\(folder)")
        return paths.filter { $0.hasSuffix(".swift") }.map { "\(folder)/\($0)" }
    }
}

extension String {
    fileprivate var trimmed: String {
        String(self[..<(lastIndex { !$0.isNewline }.map { index(after: $0) } ?? endIndex)])
    }
}
