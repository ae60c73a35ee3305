// swift-tools-version: 6.2
import PackageDescription

// Imports run one way: executables → functions → Functions/Shared → Runtime → C modules. SwiftPM refuses cycles, and
// every build passes `--explicit-target-dependency-import-check error`, so this file is the dependency rule.

// With NonisolatedNonsendingByDefault (SE-0461) an async function runs where its caller does, and asks no executor first.
let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"), .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

extension Target {
    /// One part of the runtime, under `Runtime/<folder>`. Lists only runtime parts and packages, never a function.
    static func runtime(
        _ name: String, _ folder: String, _ dependencies: [Dependency] = [], exclude: [String] = []
    ) -> Target {
        .target(
            name: name, dependencies: dependencies, path: "Runtime/\(folder)", exclude: ["README.md"] + exclude,
            swiftSettings: strict)
    }

    /// One endpoint: a library that a host can serve. Never depends on another function.
    static func function(_ name: String, _ dependencies: [Dependency] = []) -> Target {
        .target(
            name: name, dependencies: ["FunctionCore", "FunctionJSON"] + dependencies, path: "Functions/\(name)",
            swiftSettings: strict)
    }

    /// What two functions need.
    static func shared(_ name: String, _ dependencies: [Dependency] = []) -> Target {
        .target(
            name: name, dependencies: ["FunctionCore"] + dependencies, path: "Functions/Shared/\(name)",
            swiftSettings: strict)
    }

    /// A stand-in for somebody else's server; development only.
    static func emulator(_ name: String, _ dependencies: [Dependency] = []) -> Target {
        .target(
            name: name, dependencies: ["FunctionCore", "FunctionJSON", .httpTypes] + dependencies,
            path: "Functions/Emulators/\(name)", swiftSettings: strict)
    }

    /// Tests of one target, under `Tests/<folder>`.
    static func tests(_ name: String, _ folder: String, _ dependencies: [Dependency]) -> Target {
        .testTarget(name: name, dependencies: dependencies, path: "Tests/\(folder)", swiftSettings: strict)
    }
}

extension Target.Dependency {
    static let argumentParser = product(name: "ArgumentParser", package: "swift-argument-parser")
    static let configuration = product(name: "Configuration", package: "swift-configuration")
    static let crypto = product(name: "Crypto", package: "swift-crypto")
    static let httpTypes = product(name: "HTTPTypes", package: "swift-http-types")
    static let jwtKit = product(name: "JWTKit", package: "jwt-kit")
    static let logging = product(name: "Logging", package: "swift-log")
    static let nioCore = product(name: "NIOCore", package: "swift-nio")
    static let nioEmbedded = product(name: "NIOEmbedded", package: "swift-nio")
    static let nioHTTP1 = product(name: "NIOHTTP1", package: "swift-nio")
    static let nioPosix = product(name: "NIOPosix", package: "swift-nio")
    static let system = product(name: "SystemPackage", package: "swift-system")
    static let subprocess = product(name: "Subprocess", package: "swift-subprocess")
}

let runtime: [Target] = [
    .systemLibrary(name: "CPostgres", path: "Runtime/CPostgres", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
    .systemLibrary(
        name: "CCurl", path: "Runtime/CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
    .runtime("FunctionCore", "Core", [.httpTypes, .logging]),
    .runtime("FunctionJSON", "JSON", ["FunctionCore", .httpTypes]),
    .runtime("FunctionChannel", "Channel", ["FunctionCore", .httpTypes, .logging, .nioCore]),
    .runtime("CGIHost", "CGI", ["FunctionCore", .httpTypes, .logging]),
    .runtime("FastCGIWire", "FastCGIWire"),
    .target(name: "CGlibc", path: "Runtime/CGlibc", exclude: ["README.md"]),
    // For its tests, with FastCGIWire's files as its own: callwaiting-cgi compiles all of them for itself, in one module.
    .runtime("WarmCGI", "WarmCGI", ["CGlibc"], exclude: ["FastCGIWire/README.md"]),
    .runtime(
        "FastCGI", "FastCGI",
        ["FunctionCore", "FastCGIWire", "FunctionChannel", .httpTypes, .logging, .nioCore, .nioPosix]),
    .runtime(
        "HTTPHost", "HTTP",
        ["FunctionCore", "FunctionChannel", .httpTypes, .logging, .nioCore, .nioHTTP1, .nioPosix]),
    .runtime(
        "FunctionService", "Service",
        ["FunctionCore", "FunctionChannel", "FastCGI", "HTTPHost", .httpTypes, .logging, .nioCore, .nioPosix]),
    .runtime("PostgresClient", "Postgres", ["CPostgres", .logging]),
    .runtime("WebClient", "WebClient", ["CCurl", .httpTypes, .logging]),
    .runtime(
        "DevHost", "DevHost",
        [
            "FunctionCore", "FunctionService", "FunctionChannel", "HTTPHost", "FastCGI", "FastCGIWire",
            "PostgresClient", .httpTypes,
            .logging, .nioCore, .nioPosix,
        ]),
    .runtime("FunctionTesting", "Testing", ["FunctionCore", "FunctionJSON", .httpTypes, .logging]),
]

let shared: [Target] = [
    .shared("Agents", ["Callers", "FunctionJSON", "Problems", "PostgresClient", "Voice"]),
    .shared("Callers", ["FunctionJSON", "Problems", "PostgresClient", .crypto, .jwtKit, .httpTypes]),
    .shared("Problems", ["PostgresClient", .httpTypes]),
    .shared("Metering", ["AudioStore", "Callers", "Problems", "PostgresClient", "Voice", .logging]),
    .shared("Payments", ["Callers", "Plans", "Problems", "Providers", "PostgresClient", .logging]),
    .shared("Plans", ["FunctionJSON"]),
    .shared("Providers", ["FunctionJSON", "Problems", "Voice", "Plans", "WebClient", .crypto, .httpTypes]),
    .shared("Voice", ["FunctionJSON"]),
    .shared("AudioStore", [.crypto, .nioPosix]),
]

let functions: [Target] = [
    .function("CreateAgent", ["Agents", "Callers", "Problems", "Voice", "PostgresClient"]),
    .function("ListAgents", ["Agents", "Callers"]),
    .function("ShowAgent", ["Agents", "Callers"]),
    .function("UpdateAgent", ["Agents", "Callers", "Voice"]),
    .function("DeleteAgent", ["Agents", "Callers"]),
    .function("RotateAgentKey", ["Agents", "Callers", "Problems"]),
    .function("RevokeAgentKey", ["Agents", "Callers"]),
    .function("GenerateVoice", ["Callers", "Metering", "Problems", "Voice"]),
    .function("UsageReport", ["Callers", "Problems", "PostgresClient"]),
    .function("CreatePaymentLink", ["Callers", "Payments", "Plans", "Problems", "Providers"]),
    .function("PaymentStatus", ["Callers", "Plans", "Problems", "PostgresClient"]),
    .function("PaymentReturn", ["Callers", "Plans", "Problems", "PostgresClient"]),
    .function(
        "FlutterwaveWebhook",
        ["Callers", "Payments", "Problems", "Providers", "PostgresClient", .crypto, .httpTypes, .logging]),
    .function("AgentWebhook", ["Callers", "Metering", "Voice"]),
    .function("SignIn", ["Callers", "Problems", "PostgresClient", .crypto, .httpTypes, .jwtKit]),
    .function("ServeAudio", ["AudioStore", "Callers", "Problems", "PostgresClient", .httpTypes]),
    .function("Health", ["Callers", "Problems", "PostgresClient", .httpTypes]),
]

let emulators: [Target] = [
    .emulator("EmulatorControl"),
    .emulator("OpenAIEmulator", ["EmulatorControl"]),
    .emulator("MiniMaxEmulator", ["EmulatorControl", .subprocess]),
    .emulator("FlutterwaveEmulator", ["EmulatorControl", "WebClient", .crypto]),
]

let executables: [Target] = [
    .executableTarget(
        name: "callwaiting",
        dependencies: [
            "FunctionCore", "FunctionService", "CGIHost", "PostgresClient", "WebClient",
            .argumentParser, .configuration, .crypto, .httpTypes, .logging, .system,
        ] + shared.map { .target(name: $0.name) } + functions.map { .target(name: $0.name) },
        path: "Functions/callwaiting", swiftSettings: strict),
    // What a process loads it pays for at every start, and this one starts at each request. So it is linked whole, libc
    // included, and is Embedded Swift, which has no runtime to set up. Embedded Swift imports no module of the other kind:
    // the folder has links to what it needs of the runtime. `-no-static-stdlib` is about where the compiler looks: the
    // toolchain has Embedded Swift's library beside the shared one alone.
    .executableTarget(
        name: "callwaiting-cgi", dependencies: ["CGlibc"], path: "Functions/callwaiting-cgi",
        // The application's side of a connection is not needed, and more than Embedded Swift takes.
        exclude: [
            "WarmCGI/README.md", "WarmCGI/FastCGIWire/README.md", "WarmCGI/FastCGIWire/Connection.swift",
        ],
        swiftSettings: strict + [
            .enableExperimentalFeature("Embedded"), .unsafeFlags(["-whole-module-optimization", "-no-static-stdlib"]),
        ],
        linkerSettings: [.unsafeFlags(["-static-executable", "-use-ld=lld"])]),
    .executableTarget(
        name: "callwaiting-dev",
        dependencies: [
            "FunctionCore", "FunctionService", "FastCGI", "DevHost", "PostgresClient", "WebClient", .argumentParser,
            .httpTypes, .logging, .nioCore,
        ] + emulators.map { .target(name: $0.name) },
        path: "Functions/callwaiting-dev", swiftSettings: strict),
    // `make bench`; development only. It links no function: it measures the release build of `callwaiting`.
    .executableTarget(
        name: "callwaiting-bench",
        dependencies: [
            "FastCGIWire", "DevHost", "PostgresClient", .argumentParser, .crypto, .logging, .nioCore, .nioHTTP1,
            .nioPosix,
        ],
        path: "Tests/Benchmarks/Program", swiftSettings: strict),
    // `make drills`; development only. It links no function: it breaks the built `callwaiting`.
    .executableTarget(
        name: "callwaiting-drills",
        dependencies: [
            "DevHost", "FunctionCore", "FunctionJSON", "PostgresClient", "WebClient", "WebServers", .argumentParser,
            .crypto, .httpTypes, .logging,
        ],
        path: "Tests/Drills/Program", swiftSettings: strict),
]

let tests: [Target] = [
    // What the tests behind real web servers serve: every kind of answer, without a database.
    .executableTarget(
        name: "conformance",
        dependencies: ["CGIHost", "FunctionCore", "FunctionService", .httpTypes, .logging],
        path: "Tests/Conformance", swiftSettings: strict),
    .target(name: "WebServers", path: "Tests/WebServers", exclude: ["README.md"], swiftSettings: strict),
    .tests(
        "FunctionCoreTests", "Runtime/Core", ["FunctionCore", "FunctionJSON", "FunctionTesting", .httpTypes, .logging]),
    .tests(
        "FunctionJSONTests", "Runtime/JSON", ["FunctionCore", "FunctionJSON", "FunctionTesting", .httpTypes, .logging]),
    .tests("CGIHostTests", "Runtime/CGI", ["CGIHost", "FunctionCore", "FunctionTesting", .httpTypes, .logging]),
    .tests("FastCGIWireTests", "Runtime/FastCGIWire", ["FastCGIWire", "FunctionTesting"]),
    .tests("WarmCGITests", "Runtime/WarmCGI", ["WarmCGI"]),
    .tests(
        "HostTests", "Runtime/Hosts",
        [
            "FastCGI", "FastCGIWire", "FunctionChannel", "FunctionCore", "FunctionService", "FunctionTesting",
            "HTTPHost", "WebServers", "conformance",
            .httpTypes, .logging, .nioCore, .nioEmbedded, .nioHTTP1, .nioPosix,
        ]),
    .tests("PostgresClientTests", "Runtime/Postgres", ["PostgresClient", "DevHost", .logging]),
    .tests("WebClientTests", "Runtime/WebClient", ["WebClient", .httpTypes, .logging]),
    .tests("DevHostTests", "Runtime/DevHost", ["DevHost", "FunctionCore", .logging]),
    .tests(
        "EmulatorTests", "Functions/Emulators",
        [
            "FunctionCore", "FunctionJSON", "FunctionService", "FunctionTesting", "WebClient", .crypto, .httpTypes,
            .logging,
            .subprocess,
        ] + emulators.map { .target(name: $0.name) }),
    .tests(
        "ProviderTests", "Functions/Providers",
        [
            "AudioStore", "FunctionCore", "FunctionJSON", "FunctionService", "FunctionTesting", "HTTPHost", "Plans",
            "Providers", "Voice", "WebClient", .crypto, .httpTypes, .logging, .nioPosix,
        ] + emulators.map { .target(name: $0.name) }),
    .tests(
        "FunctionTests", "Functions/InMemory",
        [
            "FunctionCore", "FunctionTesting", "PostgresClient", .crypto, .httpTypes, .jwtKit, .logging,
        ] + shared.map { .target(name: $0.name) } + functions.map { .target(name: $0.name) }),
    .tests(
        "EndToEndTests", "EndToEnd",
        [
            "AudioStore", "callwaiting", "callwaiting-dev", "callwaiting-drills", "DevHost", "FunctionCore",
            "FunctionJSON", "FunctionService", "FunctionTesting", "Metering",
            "PostgresClient", "WebClient", "WebServers", .configuration, .httpTypes, .logging, .nioPosix,
        ] + emulators.map { .target(name: $0.name) }),
]

let package = Package(
    name: "callwaiting",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-configuration", from: "1.4.0", traits: []),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2", traits: []),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
        .package(url: "https://github.com/vapor/jwt-kit", from: "5.7.1"),
    ],
    targets: runtime + shared + functions + emulators + executables + tests,
    swiftLanguageModes: [.v6]
)
