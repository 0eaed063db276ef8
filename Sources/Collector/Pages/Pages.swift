internal import EventHTTP
internal import Tracking

/// The pages and scripts of the public listener that are not pixels.
struct Pages {
    private let paths: PathOptions
    private let aliases: ParameterAliases
    /// What pages are asked to tell, beside the fields of a page.
    private let hints: [Response.Field]
    /// The cache buster (`BusterScript.swift`), for each of its paths.
    private let busters: [ScriptFile]
    /// The tag (`tag.js`), for each of its paths.
    private let tags: [ScriptFile]
    let favicon = Response(.noContent)
    /// Nothing here is for a search engine.
    let robots = Response(
        .ok, [.init("Content-Type", "text/plain; charset=utf-8")],
        body: "User-agent: *\nDisallow: /\n")

    init(_ configuration: Configuration) {
        paths = configuration.paths
        aliases = configuration.parameterAliases
        hints = configuration.privacy.hintFields
        busters = configuration.paths.buster.map { [paths, aliases] path in
            ScriptFile(busterScript(path: path, pixel: paths.script.first ?? "", aliases))
        }
        tags = configuration.paths.tag.map { [paths, aliases] path in
            ScriptFile(tagScript(path: path, paths, aliases))
        }
    }

    /// The cache buster, for a request of one of its paths.
    func buster(_ head: borrowing RequestHead) -> Response {
        let path = String(decoding: Array(head.path), as: UTF8.self)
        return busters[paths.buster.firstIndex(of: path) ?? 0].response(to: head)
    }

    /// The tag, for a request of one of its paths.
    func tag(_ head: borrowing RequestHead) -> Response {
        let path = String(decoding: Array(head.path), as: UTF8.self)
        return tags[paths.tag.firstIndex(of: path) ?? 0].response(to: head)
    }

    /// A demo page, for a request with `query`.
    func demo(_ page: DemoPage, query: Span<UInt8>) -> Response {
        let search = FormURLEncoded.firstValue(of: "search", in: query) ?? []
        return Response(
            .ok,
            [
                .init("Content-Type", "text/html; charset=utf-8"),
                .init("Cache-Control", "no-store"),
            ] + hints,
            body: page.html(search: search, tag: tag(page, search: search)))
    }

    /// The line that a page tracks with. What was searched for is percent-encoded, and so is
    /// harmless wherever it stands.
    private func tag(_ page: DemoPage, search: [UInt8]) -> String {
        let script = paths.script.first ?? ""
        switch page {
        case .simple: return #"<script src="\#(script)"></script>"#
        case .search, .cookies:
            let name = aliases.sentName(of: "s")
            return
                #"<script src="\#(script)?\#(name)=\#(PercentEncoding.encode(search))"></script>"#
        case .cachebuster: return #"<script src="\#(paths.buster.first ?? "")"></script>"#
        }
    }
}

extension PrivacyOptions {
    /// The field that asks browsers for client hints, if any are wanted.
    var hintFields: [Response.Field] {
        acceptedHints.isEmpty
            ? [] : [.init("Accept-CH", acceptedHints.joined(separator: ", "))]
    }
}

extension DemoPage {
    private var title: String {
        switch self {
        case .simple: "Simple pixel"
        case .search: "Search data"
        case .cookies: "Visitor cookie"
        case .cachebuster: "Cache buster"
        }
    }

    private var explanation: String {
        switch self {
        case .simple:
            "The page loads a script that is empty. That request is the hit."
        case .search:
            "The server writes what was searched for into the script's address."
        case .cookies:
            "The reply to a hit sets a cookie, and the next hit brings it back: the same visitor."
        case .cachebuster:
            "A script makes an address that no cache has seen, so that every visit is a hit."
        }
    }

    /// The page, after a search for `search`, with the line `tag`.
    func html(search: [UInt8], tag: String) -> String {
        let links = Self.allCases.map { page in
            let current = page == self ? #" aria-current="page""# : ""
            return #"<a href="\#(page.path)"\#(current)>\#(page.title)</a>"#
        }
        let form = """
            <form action="\(path)">
            <label for="search">Search</label>
            <input id="search" name="search" value="\(HTMLText.escaped(search))">
            <button>Go</button>
            </form>

            """
        return PageLayout.html(
            title: "Welcome · \(title)",
            body: """
                <nav>\(links.joined(separator: "\n"))</nav>
                <main>
                <h1>Welcome</h1>
                <p>\(explanation)</p>
                <pre><code>\(HTMLText.escaped(tag.utf8))</code></pre>
                \(self == .simple ? "" : form)<p class="hint">Your hit is in the collector's \
                terminal, and in its log: <kbd>footfall tail</kbd></p>
                </main>
                \(tag)

                """)
    }
}
