internal import EventHTTP
internal import Tracking

/// The pages and scripts of the public listener that are not pixels.
struct Pages {
    private let paths: PathOptions
    private let aliases: ParameterAliases
    private let addressDetail: AddressDetail
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
        addressDetail = configuration.privacy.addressDetail
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

    /// A demo page, for a request with `query` by somebody whose signal has that effect; `random`
    /// becomes the identifier of the page's hit.
    func demo(
        _ page: DemoPage, query: Span<UInt8>, random: (UInt64, UInt64),
        applied: (signal: PrivacySignal, policy: PrivacyPolicy)?
    ) -> Response {
        let search = FormURLEncoded.firstValue(of: "search", in: query) ?? []
        let identifier = DemoHits.identifier(random)
        let text = page.html(
            search: search, line: line(page, search: search),
            tag: line(page, search: search, identifier: identifier),
            hit: .init(
                question: "\(DemoHits.path)?e=\(identifier)", addressDetail: addressDetail,
                dropped: applied.flatMap { $0.policy == .drop ? $0.signal : nil }))
        return Response(
            .ok,
            [
                .init("Content-Type", "text/html; charset=utf-8"),
                .init("Cache-Control", "no-store"),
                .init("Content-Security-Policy", Self.demoPolicy),
            ] + hints,
            body: text)
    }

    /// The pages run what they are made of, and what the collector's own paths answer.
    private static let demoPolicy =
        "default-src 'none'; connect-src 'self'; img-src 'self'; form-action 'self'; "
        + "style-src \(InlineSource.hash(PageLayout.style)); "
        + "script-src 'self' \(InlineSource.hash(DemoPage.script)); base-uri 'none'"

    /// The line that a page tracks with. What was searched for is percent-encoded, and so is
    /// harmless wherever it stands.
    private func line(_ page: DemoPage, search: [UInt8], identifier: String? = nil) -> String {
        let script = paths.script.first ?? ""
        let own = identifier.map { "\(aliases.sentName(of: "e"))=\($0)" }
        switch page {
        case .simple: return #"<script src="\#(script)\#(own.map { "?" + $0 } ?? "")"></script>"#
        case .search, .cookies:
            let sought = "\(aliases.sentName(of: "s"))=\(PercentEncoding.encode(search))"
            let query = [sought, own].compactMap { $0 }.joined(separator: "&amp;")
            return #"<script src="\#(script)?\#(query)"></script>"#
        case .cachebuster:
            let params = own.map { #" data-params="\#($0)""# } ?? ""
            return #"<script src="\#(paths.buster.first ?? "")"\#(params)></script>"#
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

    /// Shows the page's own hit.
    static let script = String(decoding: PackageResources.demo_js, as: UTF8.self)

    /// What a page knows of its hit before it is stored.
    struct Hit {
        /// Where the stored event is.
        let question: String
        let addressDetail: AddressDetail
        /// The signal because of which it will not be stored.
        let dropped: PrivacySignal?

        fileprivate var html: String {
            if let dropped {
                let reason =
                    switch dropped {
                    case .optOut: "You have opted out"
                    case .globalPrivacyControl: "Your browser sends Global Privacy Control"
                    case .doNotTrack: "Your browser sends Do Not Track"
                    }
                return """
                    <section class="hit">
                    <h2>Your hit is not stored</h2>
                    <p>\(reason), and this collector drops such hits: yours was counted, and nothing \
                    else of it was kept.</p>
                    </section>
                    """
            }
            return """
                <section class="hit" id="hit" data-question="\(question)" \
                data-address="\(addressDetail.rawValue)" hidden>
                <h2>Your hit, as the log has it</h2>
                <p id="hit-state" role="status">It is on its way to the disk.</p>
                <ul id="hit-words"></ul>
                <pre id="hit-event" tabindex="0" aria-label="The stored event" hidden><code></code></pre>
                </section>
                """
        }
    }

    /// The page, after a search for `search`, with the line `tag`, which it shows as `line`.
    func html(search: [UInt8], line: String, tag: String, hit: Hit) -> String {
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
                <pre><code>\(HTMLText.escaped(line.utf8))</code></pre>
                \(self == .simple ? "" : form)\(hit.html)
                <p class="hint">Your hit is in the collector's \
                terminal, and in its log: <kbd>footfall tail</kbd></p>
                </main>
                \(tag)
                <script>\(Self.script)</script>

                """)
    }
}
