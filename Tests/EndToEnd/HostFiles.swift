import FoundationEssentials
import FunctionCore

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
