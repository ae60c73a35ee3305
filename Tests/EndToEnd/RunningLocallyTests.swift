import FoundationEssentials
import Glibc
import Testing

@testable import DevHost

@Suite struct RunningLocallyTests {
    /// Pastes the page's lines into a shell, in order. `make -s env` becomes what it runs, and curl fails where the
    /// server answers with an error, and asks again while a payment's webhook is on its way.
    @Test func everyLineOfTheDocumentWorksWhenPasted() async throws {
        let here = #filePath
        let path = here.replacing("Tests/EndToEnd/RunningLocallyTests.swift", with: "docs/running-locally.md")
        let document = String(decoding: try #require(FileManager.default.contents(atPath: path)), as: UTF8.self)
        let blocks = document.split(separator: "```sh\n").dropFirst()
            .compactMap { $0.split(separator: "```", omittingEmptySubsequences: false).first }
            .filter { $0 != "make dev\n" }
        #expect(blocks.count >= 7)

        try await withTemporaryDirectory { directory in
            let (host, _) = try await BuiltHost.serve(in: directory, state: "\(directory)/.callwaiting")
            let prologue = """
                set -eu -o pipefail
                cd \(directory)
                make() { \(try BuiltHost.products())/callwaiting-dev env; }
                curl() {
                  local answer
                  case "$*" in
                  *payment-status*)
                    for _ in $(seq 60); do
                      answer=$(command curl --fail-with-body "$@")
                      case $answer in *'"status":"pending"'*) sleep 0.5 ;; *) break ;; esac
                    done
                    printf '%s\n' "$answer" ;;
                  *) command curl --fail-with-body "$@" ;;
                  esac
                }

                """
            let script = Command(
                "/bin/bash", ["-c", prologue + blocks.joined(separator: "\n")],
                environment: Command.plainEnvironment())
            let pasted = try await script.output()
            #expect(pasted.status == .code(0), "\(pasted.text)")
            #expect(pasted.text.contains("Our business hours are 9 am to 6 pm"))
            #expect(pasted.text.contains(#""status":"active""#))
            #expect(Files.exists("\(directory)/reply.mp3"))
            host.process.signal(SIGTERM)
            #expect(await host.process.exitStatus == .code(0))
        }
    }
}
