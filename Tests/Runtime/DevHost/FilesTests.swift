import Glibc
import Testing

@testable import DevHost

@Suite struct FilesTests {
    @Test func removingALinkKeepsWhatItPointsTo() async throws {
        try await withTemporaryDirectory { directory in
            try Files.createDirectory("\(directory)/kept/inner", mode: 0o700)
            try Files.createDirectory("\(directory)/gone", mode: 0o700)
            #expect(symlink("\(directory)/kept", "\(directory)/gone/link") == 0)
            try Files.remove("\(directory)/gone")
            #expect(!Files.exists("\(directory)/gone"))
            #expect(Files.isDirectory("\(directory)/kept/inner"))
        }
    }

    @Test func removingWhatIsNotThereIsFine() throws {
        try Files.remove("/tmp/there-is-no-such-file-\(UInt64.random(in: 0 ... .max))")
        #expect(!Files.exists("/tmp/there-is-no-such-file"))
    }

    @Test func aFileIsReplacedWholeWithTheModeAskedFor() async throws {
        try await withTemporaryDirectory { directory in
            let path = "\(directory)/file"
            try Files.write("first", to: path, mode: 0o600)
            try Files.write("second", to: path, mode: 0o600)
            #expect(try Files.read(path) == "second")
            var status = stat()
            #expect(stat(path, &status) == 0 && status.st_mode & 0o777 == 0o600)
            #expect(try Files.names(in: directory) == ["file"])
            #expect(try Files.read("\(directory)/other") == nil)
        }
    }

    @Test(arguments: [("/a/b", "/a/b"), ("/a/./b/../c/", "/a/c"), ("/../x", "/x"), ("/", "/")])
    func absolutePathsAreTidied(path: String, expected: String) {
        #expect(Files.absolute(path) == expected)
    }
}
