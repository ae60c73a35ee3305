import CGlibc

/// What a program brings along that a resident server is to answer for.
struct InstallationNames: Sendable {
    /// The file name of the executable that serves, beside our own.
    var program: String
    /// The variable that names this executable where it is not beside our own.
    var programVariable: String
    /// The variable that names the directory of the resident servers' sockets.
    var directoryVariable: String
    /// Every setting that the server reads from its environment, those two and the next among them.
    var settings: NameSet
    /// The setting that names the file of settings.
    var fileSetting: String
    /// Where that file is when the setting says nothing; the first that exists counts.
    var files: [String]

    init(
        program: String, programVariable: String, directoryVariable: String, settings: NameSet,
        fileSetting: String, files: [String]
    ) {
        self.program = program
        self.programVariable = programVariable
        self.directoryVariable = directoryVariable
        self.settings = settings
        self.fileSetting = fileSetting
        self.files = files
    }
}

/// What a resident server was started for. Two requests share a server when all of this is the same for both.
struct Installation {
    /// The path of the executable that serves.
    let executable: String
    /// Names the server's files: 16 hexadecimal digits over everything that the server depends on and that can change.
    let key: String

    /// - Returns: nil when there is no such executable.
    init?(_ names: InstallationNames, _ environment: CGIEnvironment) {
        guard let path = environment[names.programVariable] ?? Self.sibling(names.program) else { return nil }
        executable = path
        var hash = Fingerprint()
        hash.add(path)
        guard hash.addFile(path) else { return nil }
        // A settings file may be named relative to where the web server starts us, and so may a certificate.
        hash.add(Self.workingDirectory())
        let file = environment[names.fileSetting] ?? names.files.first { access($0, R_OK) == 0 }
        if let file {
            hash.add(file)
            _ = hash.addFile(file)
        }
        // The sum does not depend on the order of the environment.
        var variables: UInt64 = 0
        for pair in environment.installation {
            var one = Fingerprint()
            one.add(pair.name)
            one.add(pair.value)
            variables &+= one.value
        }
        hash.add(variables)
        key = hash.text
    }

    private static func sibling(_ name: String) -> String? {
        guard let own = System.executable(), let slash = own.lastIndex(of: "/") else { return nil }
        return String(own[...slash]) + name
    }

    private static func workingDirectory() -> String {
        guard let path = getcwd(nil, 0) else { return "" }
        defer { free(path) }
        return String(cString: path)
    }
}

/// FNV-1a over 64 bits (draft-eastlake-fnv §2). It tells one user's installations apart, in a directory that nobody else
/// can look into; it keeps nothing secret.
struct Fingerprint {
    private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325

    init() {}

    /// Of the text that the two parts are together.
    init(of text: String, _ suffix: String = "") {
        add(bytesOf: text)
        add(bytesOf: suffix)
        add(UInt64(text.utf8.count + suffix.utf8.count))
    }

    /// Adds the bytes and their number, so that what ends here cannot begin the next.
    mutating func add(_ text: String) {
        add(bytesOf: text)
        add(UInt64(text.utf8.count))
    }

    private mutating func add(bytesOf text: String) {
        var text = text
        text.withUTF8 { bytes in for byte in bytes { add(byte: byte) } }
    }

    mutating func add(_ number: UInt64) {
        for shift in stride(from: UInt64(0), to: 64, by: 8) { add(byte: UInt8(truncatingIfNeeded: number >> shift)) }
    }

    /// Adds which file it is and when it was last written.
    ///
    /// - Returns: false when there is none.
    mutating func addFile(_ path: String) -> Bool {
        var status = stat()
        guard stat(path, &status) == 0 else { return false }
        for number in [
            UInt64(status.st_dev), UInt64(status.st_ino), UInt64(bitPattern: Int64(status.st_size)),
            UInt64(bitPattern: Int64(status.st_mtim.tv_sec)), UInt64(bitPattern: Int64(status.st_mtim.tv_nsec)),
        ] { add(number) }
        return true
    }

    /// Written digit by digit: the standard library's way touches half a dozen pages that nothing else here does, at every
    /// start.
    var text: String {
        String(unsafeUninitializedCapacity: 16) { digits in
            for index in 0..<16 {
                let digit = UInt8(truncatingIfNeeded: value >> (60 - 4 * UInt64(index))) & 15
                digits[index] = digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
            }
            return 16
        }
    }

    private mutating func add(byte: UInt8) { value = (value ^ UInt64(byte)) &* 0x100_0000_01B3 }
}
