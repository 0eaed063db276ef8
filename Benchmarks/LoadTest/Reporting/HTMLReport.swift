/// A page.
struct HTMLReport {
    let results: [RunResult]
    init(_ results: [RunResult]) { self.results = results }
    var text: String { "" }
}
