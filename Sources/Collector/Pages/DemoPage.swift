/// The article's four examples.
enum DemoPage: String, CaseIterable, Sendable {
    case simple, search, cookies, cachebuster
}
