/// The article's four examples.
enum DemoPage: String, CaseIterable, Sendable {
    case simple, search, cookies, cachebuster

    /// Where the page is.
    var path: String { "/demo/\(rawValue)" }

    /// Where all of them are; the first page of the server is the last of them.
    static var allPaths: [String] { allCases.map(\.path) + ["/"] }
}
