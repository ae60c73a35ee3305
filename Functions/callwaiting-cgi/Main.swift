/// `callwaiting` for web servers that offer nothing but CGI, without its start at every request.
@main
enum Main {
    static func main() { WarmCGI.run(installation) }

    private static var installation: InstallationNames {
        InstallationNames(
            program: "callwaiting", programVariable: Setting.executable.name,
            directoryVariable: Setting.residentDirectory.name, settings: settings,
            fileSetting: Setting.fileVariable, files: Setting.defaultFiles)
    }

    private static var settings: NameSet {
        var names: NameSet = [Setting.fileVariable, Setting.credentialsVariable]
        for table in Setting.tables {
            for setting in table {
                names.insert(setting.name)
                names.insert(setting.name, Setting.fileSuffix)
                if let alias = setting.alias { names.insert(alias) }
            }
        }
        return names
    }
}
