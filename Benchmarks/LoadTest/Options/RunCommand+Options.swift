import EventHTTP
import FoundationEssentials
import Glibc
import POSIX

extension RunCommand {
    /// Descriptors that are not connections.
    private static let spareDescriptors = 64
    private static let threadsMax = 256
    private static let depthMax = 1024
    private static let visitorsMax = 100_000_000

    /// The flags, checked.
    func loadOptions() throws(InvalidValue) -> LoadOptions {
        let target = try TargetURL(parsing: url)
        var options = LoadOptions(
            url: url, address: try address(target), targets: try targets(target),
            words: urlsFromFile == nil ? LoadOptions.defaultWords : [],
            method: try checkedMethod(), body: try bodyBytes(), fields: [], userAgents: [])
        addFields(to: &options, host: target.host)
        options.connections = try checked(connections ?? 64, 1...1_000_000, "-c")
        let limit = FileLimit.raise() - Self.spareDescriptors
        guard options.connections <= limit else {
            throw InvalidValue(
                description: "-c \(options.connections): the limit of open files allows \(limit)")
        }
        let cores = sysconf(Int32(_SC_NPROCESSORS_ONLN))
        options.threads = min(
            try checked(threads ?? min(2, max(1, cores)), 1...Self.threadsMax, "-t"),
            options.connections)
        options.requests = try requests.map { count throws(InvalidValue) in
            try checked(count, 1...Int.max, "-n")
        }
        options.seconds = duration ?? (requests == nil ? 10 : nil)
        options.rate = try rate.map { rate throws(InvalidValue) in
            Double(try checked(rate, 1...1_000_000_000, "-R"))
        }
        options.warmUpSeconds = warmUp ?? 0
        options.timeoutSeconds = timeout ?? 10
        options.keepsAlive = !noKeepalive
        options.pipelineDepth = try checked(pipeline ?? 1, 1...Self.depthMax, "-p")
        options.visitors = try checked(visitors ?? 10_000, 0...Self.visitorsMax, "--visitors")
        options.seed = seed ?? UInt64.random(in: 0..<1 << 53)
        options.reconnects = reconnect
        options.remembersHits = reconcile != nil
        try checkCombinations(options)
        return options
    }

    private func checkCombinations(_ options: LoadOptions) throws(InvalidValue) {
        if let seconds = options.seconds, seconds <= 0 {
            throw InvalidValue(description: "-d takes a time above zero")
        }
        if options.timeoutSeconds <= 0 {
            throw InvalidValue(description: "-T takes a time above zero")
        }
        if noKeepalive, options.pipelineDepth > 1 {
            throw InvalidValue(description: "--no-keepalive leaves nothing to pipeline (-p)")
        }
        if options.method == "HEAD", body != nil {
            throw InvalidValue(description: "HEAD has no body (-b)")
        }
    }

    private func checked(
        _ number: Int, _ range: ClosedRange<Int>, _ flag: String
    ) throws(InvalidValue) -> Int {
        guard range.contains(number) else {
            throw InvalidValue(
                description:
                    "\(flag) \(number): expected \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    private func address(_ target: TargetURL) throws(InvalidValue) -> ClientAddress {
        let resolved: ClientAddress
        do {
            let place = try unixSocket.map { try ListenAddress(parsing: "unix:\($0)") }
            resolved = try ClientAddress(resolving: place ?? target.address)
        } catch {
            throw InvalidValue(description: "\(error)")
        }
        guard resolved.isLoopback || ownsHost else {
            throw InvalidValue(
                description:
                    "\(target.host) is not this machine; say --i-own-this-host if it is yours")
        }
        return resolved
    }

    private func checkedMethod() throws(InvalidValue) -> String {
        let name = method.uppercased()
        guard !name.isEmpty, name.utf8.allSatisfy({ (0x41...0x5a).contains($0) }),
            !["CONNECT", "TRACE"].contains(name)
        else { throw InvalidValue(description: "-m \(method): expected a method such as POST") }
        return name
    }

    private func bodyBytes() throws(InvalidValue) -> [UInt8]? {
        guard let body else { return method.uppercased() == "POST" ? [] : nil }
        guard body.hasPrefix("@") else { return Array(body.utf8) }
        return try Self.file(String(body.dropFirst()))
    }

    private func targets(_ target: TargetURL) throws(InvalidValue) -> [String] {
        guard let urlsFromFile else { return [target.target] }
        let text = String(decoding: try Self.file(urlsFromFile), as: UTF8.self)
        var targets: [String] = []
        for line in text.split(whereSeparator: \.isNewline) where !line.hasPrefix("#") {
            targets.append(try TargetURL.target(ofLine: String(line)))
        }
        guard !targets.isEmpty else {
            throw InvalidValue(description: "\(urlsFromFile): no URL in it")
        }
        return targets
    }

    private static func file(_ path: String) throws(InvalidValue) -> [UInt8] {
        guard let data = try? Data(contentsOf: URL(filePath: path)) else {
            throw InvalidValue(description: "\(path): cannot be read")
        }
        return Array(data)
    }

    /// The fields of a browser, but for those that are given.
    private func addFields(to options: inout LoadOptions, host: String) {
        var defaults = [HeaderField("Host", host)]
        if options.body != nil { defaults.append(HeaderField("Content-Type", "text/plain")) }
        defaults += LoadOptions.defaultFields
        let kept = defaults.filter { field in !headers.contains { $0.names(field.name) } }
        let given = headers.filter { !$0.value.isEmpty && !$0.names("User-Agent") }
        // A host that was given comes first too.
        options.fields =
            given.filter { $0.names("Host") } + kept + given.filter { !$0.names("Host") }
        let agents = headers.filter { $0.names("User-Agent") }
        options.userAgents = agents.isEmpty ? LoadOptions.defaultUserAgents : agents.map(\.value)
    }
}
