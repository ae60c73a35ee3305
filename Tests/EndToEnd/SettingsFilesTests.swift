import Configuration
import DevHost
import Testing

@testable import callwaiting

/// Settings whose values are in files of their own.
@Suite struct SettingsFilesTests {
    @Test("a credential is the setting's value, less the line end that an editor left")
    func credential() async throws {
        try await withTemporaryDirectory { directory in
            try Files.write("sk-from-file\n", to: "\(directory)/OPENAI_API_KEY", mode: 0o600)
            try Files.write("whole directory", to: "\(directory)/callwaiting_MINIMAX_API_KEY", mode: 0o600)
            let reader = try await reader(["CREDENTIALS_DIRECTORY": directory])
            #expect(reader.string(forKey: "OPENAI_API_KEY") == "sk-from-file")
            #expect(reader.string(forKey: "MINIMAX_API_KEY") == "whole directory")
            #expect(reader.string(forKey: "DATABASE_URL") == nil)
        }
    }

    @Test("the environment goes before a named file, that before a credential, and that before the settings file")
    func order() async throws {
        try await withTemporaryDirectory { directory in
            try Files.createDirectory("\(directory)/credentials", mode: 0o700)
            for name in ["DATABASE_URL", "OPENAI_API_KEY", "MINIMAX_API_KEY"] {
                try Files.write("credential", to: "\(directory)/credentials/\(name)", mode: 0o600)
            }
            try Files.write("named", to: "\(directory)/key", mode: 0o600)
            try Files.write(
                """
                DATABASE_URL=line
                OPENAI_API_KEY_FILE=\(directory)/key
                MINIMAX_API_KEY=line
                FLUTTERWAVE_SECRET_KEY=line
                """, to: "\(directory)/env", mode: 0o600)
            let reader = try await reader([
                "CREDENTIALS_DIRECTORY": "\(directory)/credentials", "CALLWAITING_ENV_FILE": "\(directory)/env",
                "DATABASE_URL": "environment",
            ])
            #expect(reader.string(forKey: "DATABASE_URL") == "environment")
            #expect(reader.string(forKey: "OPENAI_API_KEY") == "named")
            #expect(reader.string(forKey: "MINIMAX_API_KEY") == "credential")
            #expect(reader.string(forKey: "FLUTTERWAVE_SECRET_KEY") == "line")
        }
    }

    @Test("a named file that is missing, binary, of two lines or endless stops the start, and all are named")
    func badFiles() async throws {
        try await withTemporaryDirectory { directory in
            try Files.write("two\nlines\n", to: "\(directory)/lines", mode: 0o600)
            try Files.write([0x61, 0, 0x62], to: "\(directory)/nul", mode: 0o600)
            try Files.write([0xC3, 0x28], to: "\(directory)/latin", mode: 0o600)
            let error = await #expect(throws: SettingsError.self) {
                _ = try await SettingsSource(environment: [
                    "DATABASE_URL_FILE": "\(directory)/none", "OPENAI_API_KEY_FILE": "\(directory)/lines",
                    "MINIMAX_API_KEY_FILE": "\(directory)/nul", "FLUTTERWAVE_SECRET_KEY_FILE": "/dev/zero",
                    "AUDIO_SIGNING_KEY_FILE": "\(directory)/latin", "SUPABASE_JWT_SECRET_FILE": directory,
                ])
            }
            let problems = try #require(error?.problems)
            #expect(problems.count == 6)
            for name in ["DATABASE_URL", "OPENAI_API_KEY", "MINIMAX_API_KEY", "FLUTTERWAVE_SECRET_KEY"] {
                #expect(problems.contains { $0.hasPrefix("\(name)_FILE ") }, "\(name) is named")
            }
        }
    }

    @Test("a value from a file never shows in what the reader prints")
    func redacted() async throws {
        try await withTemporaryDirectory { directory in
            try Files.write("canary-of-a-file", to: "\(directory)/OPENAI_API_KEY", mode: 0o600)
            let source = try await SettingsSource(environment: ["CREDENTIALS_DIRECTORY": directory])
            #expect(source.inFiles == ["OPENAI_API_KEY"])
            #expect(!"\(source)".contains("canary"))
        }
    }

    private func reader(_ environment: [String: String]) async throws -> ConfigReader {
        try await SettingsSource(environment: environment).reader
    }
}
