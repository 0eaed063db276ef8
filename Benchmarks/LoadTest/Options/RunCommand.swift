import ArgumentParser
import POSIX

/// `footfall-bench URL`
struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Load a URL. (The default: 'run' may be left out.)",
        discussion: """
            Each request has a 't', an 'r' and an 's' of its own, as from a cache buster. Exit \
            codes: 3 --fail-if, 4 lost or duplicated hits, 5 the tester was the bottleneck, 6 the \
            server was gone, 64 a bad flag.
            """)

    @Argument(help: "What to load: http://HOST[:PORT]/PATH[?QUERY].")
    var url: String

    @Option(name: short("c", "connections"), help: "Connections. [64]", transform: Units.count)
    var connections: Int?

    @Option(
        name: short("t", "threads"), help: "Threads. [2, or 1 on one core]", transform: Units.count)
    var threads: Int?

    @Option(
        name: short("d", "duration"), help: "Measured time. [10s, or until -n]",
        transform: Units.seconds)
    var duration: Double?

    @Option(name: short("n", "requests"), help: "Measured requests.", transform: Units.count)
    var requests: Int?

    @Option(
        name: short("R", "rate"),
        help: "A constant rate, in requests a second; latency counts from the planned time.",
        transform: Units.count)
    var rate: Int?

    @Option(
        name: short("w", "warm-up"), help: "Time of load that is not measured. [0s]",
        transform: Units.seconds)
    var warmUp: Double?

    @Option(
        name: short("T", "timeout"), help: "How long a reply may take. [10s]",
        transform: Units.seconds)
    var timeout: Double?

    @Option(
        name: [.customShort("H"), .customLong("header")], parsing: .singleValue,
        help: "A header field, 'Name: value'; 'Name:' takes one away. May be repeated.",
        transform: HeaderField.init(parsing:))
    var headers: [HeaderField] = []

    @Option(name: short("m", "method"), help: "The method. [GET]")
    var method = "GET"

    @Option(name: short("b", "body"), help: "The body of each request, or @FILE.")
    var body: String?

    @Flag(name: .customLong("no-keepalive"), help: "A connection for each hit.")
    var noKeepalive = false

    @Option(
        name: short("p", "pipeline"), help: "Requests on a connection at a time. [1]",
        transform: Units.count)
    var pipeline: Int?

    @Option(help: "A unix socket to connect to, in place of the URL's host.")
    var unixSocket: String?

    @Option(
        help: "Simulated visitors, each with its cookie; 0 for no cookies. [10k]",
        transform: Units.count)
    var visitors: Int?

    @Option(help: "URLs or paths to load, a line each, in this order; then there is no 's'.")
    var urlsFromFile: String?

    @Option(help: "What random numbers begin with. [another one each time]")
    var seed: UInt64?

    @Flag(help: "Go on when the server is away.")
    var reconnect = false

    @Option(help: "The collector's data directory: check that each acknowledged hit is in its log.")
    var reconcile: String?

    @Option(
        help: "How long to wait for the log to show acknowledged hits. [10s]",
        transform: Units.seconds)
    var reconcileWait: Double?

    @Option(name: short("o", "output"), help: "The result as text, json, csv, hgrm or html.")
    var output = ReportFormat.text

    @Option(help: "A file for the result, in place of standard output.")
    var out: String?

    @Flag(name: [.customShort("q"), .customLong("quiet")], help: "No progress.")
    var quiet = false

    @Option(
        name: .customLong("fail-if"),
        help: "Exit with 3 if one of these holds: 'p99>5ms,errors>0,rate<10k'.",
        transform: FailCondition.list)
    var failIf: [FailCondition]?

    @Flag(name: .customLong("i-own-this-host"), help: "Load a host that is not this one.")
    var ownsHost = false

    func run() throws {
        let options: LoadOptions
        do throws(InvalidValue) {
            options = try loadOptions()
        } catch {
            FootfallBench.fail(error.description, code: .usage)
        }
        let code = try BenchRun(self, options).run()
        if code != .success { throw code }
    }

    /// A name with one letter to which the value may be joined, as in `-c64`, and a long one.
    private static func short(_ letter: Character, _ long: String) -> NameSpecification {
        [.customShort(letter, allowingJoined: true), .customLong(long)]
    }
}

extension ReportFormat: ExpressibleByArgument {}
