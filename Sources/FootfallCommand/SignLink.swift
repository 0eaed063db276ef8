internal import ArgumentParser
internal import Collector
internal import POSIX

/// `footfall sign-link`
struct SignLink: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print a signed link: a click on it is stored and leads on to URL.")

    @Argument(help: "Where the link leads to.")
    var url: String

    @Option(help: "How long it is valid: 7d, 12h. [for ever]")
    var expires: String?

    @Option(help: "The address of the collector's /click.")
    var base = "/click"

    @Option(help: "A configuration file (YAML) with click_keys.")
    var config: String?

    @Option(
        name: .long, parsing: .singleValue,
        help: "A key: ID=SECRET, or ID=@FILE. May be repeated: the first one signs.")
    var clickKeys: [String] = []

    func run() throws {
        let resolved = try SettingFlags.resolve(
            clickKeys.isEmpty ? [:] : ["click_keys": clickKeys], file: config)
        do throws(ClickLink.Failure) {
            let link = try ClickLink(
                to: url, expires: expires, base: base, resolved.configuration)
            FileOutput.standardOutput.write("\(link)\n")
        } catch {
            switch error {
            case .argument(let reason): throw fail(reason, code: .usage)
            case .noKey: throw fail("no key to sign with: set click_keys", code: .configuration)
            }
        }
    }
}
