/// The metrics of a collector, as one request for them found them.
public struct Scrape: Sendable {
    /// A line with a value.
    public struct Sample: Sendable {
        /// The name, with the suffix of a histogram's sample.
        public let name: String
        /// The labels as they are written: `route="script",status="200"`; empty if there are none.
        public let labels: String
        /// The value.
        public let value: Double
    }

    /// What came.
    public let text: String
    /// All samples in order.
    public let samples: [Sample]

    /// Asks a server.
    public init(_ server: FootfallServer) throws {
        let reply = try HTTPConnection(port: server.adminPort).request("/metrics")
        self.init(reply?.text ?? "")
    }

    /// Reads the exposition format of Prometheus, version 0.0.4, without time stamps.
    public init(_ text: String) {
        self.text = text
        samples = text.split(separator: "\n").filter { !$0.hasPrefix("#") }.compactMap { line in
            guard let space = line.lastIndex(of: " "),
                let value = Double(line[line.index(after: space)...])
            else { return nil }
            let series = line[..<space].dropLast(line[..<space].hasSuffix("}") ? 1 : 0)
            let parts = series.split(separator: "{", maxSplits: 1).map { String($0) }
            return Sample(
                name: parts[0], labels: parts.count > 1 ? parts[1] : "", value: value)
        }
    }

    /// The value of a sample; nil if there is none.
    public subscript(name: String, labels: String = "") -> Double? {
        samples.first { $0.name == name && $0.labels == labels }?.value
    }

    /// All values of a name together.
    public func sum(_ name: String) -> Double {
        samples.filter { $0.name == name }.reduce(0) { $0 + $1.value }
    }

    /// The names of all samples.
    public var names: Set<String> { Set(samples.map(\.name)) }
}
