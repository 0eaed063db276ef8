internal import EventHTTP
internal import Tracking

/// The pages and scripts of the public listener that are not pixels.
struct Pages {
    /// The cache buster (`BusterScript.swift`). Browsers may keep it: each run makes a new URL.
    let buster = Response(
        .ok,
        [
            .init("Content-Type", "application/javascript; charset=utf-8"),
            .init("Cache-Control", "public, max-age=3600"),
        ],
        body: busterScript)

    /// A demo page, for a request with `query`.
    func demo(_ page: DemoPage, query: Span<UInt8>) -> Response {
        let search = FormURLEncoded.firstValue(of: "search", in: query) ?? []
        return Response(
            .ok,
            [
                .init("Content-Type", "text/html; charset=utf-8"),
                .init("Cache-Control", "no-store"),
            ],
            body: page.html(search: search))
    }
}

extension DemoPage {
    /// Where the page is.
    var path: String { "/demo/\(rawValue)" }

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

    /// The line that the page tracks with. What was searched for is percent-encoded, and so is
    /// harmless wherever it stands.
    private func tag(search: [UInt8]) -> String {
        switch self {
        case .simple: #"<script src="/track.js"></script>"#
        case .search, .cookies:
            #"<script src="/track.js?s=\#(PercentEncoding.encode(search))"></script>"#
        case .cachebuster: #"<script src="/buster.js"></script>"#
        }
    }

    /// The page, after a search for `search`.
    func html(search: [UInt8]) -> String {
        let tag = tag(search: search)
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
        return """
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>Welcome · \(title)</title>
            <style>\(demoStyle)</style>
            </head>
            <body>
            <nav>\(links.joined(separator: "\n"))</nav>
            <main>
            <h1>Welcome</h1>
            <p>\(explanation)</p>
            <pre><code>\(HTMLText.escaped(tag.utf8))</code></pre>
            \(self == .simple ? "" : form)<p class="hint">Your hit is in the collector's terminal, \
            and in its log: <kbd>footfall tail</kbd></p>
            </main>
            \(tag)
            </body>
            </html>

            """
    }
}

private let demoStyle = """
    :root{color-scheme:light dark;--ink:#1d2733;--soft:#5b6875;--line:#d9dfe5;--page:#fbfcfd;\
    --card:#fff;--mark:#0b6e4f}
    @media(prefers-color-scheme:dark){:root{--ink:#e8edf2;--soft:#9aa7b4;--line:#2c3640;\
    --page:#12171c;--card:#1a2128;--mark:#5fd3a8}}
    *{box-sizing:border-box}
    body{margin:0 auto;max-width:44rem;padding:1.5rem 1rem;background:var(--page);\
    color:var(--ink);font:1.0625rem/1.55 system-ui,sans-serif}
    nav{display:flex;flex-wrap:wrap;gap:.25rem 1.25rem;padding-bottom:.75rem;\
    border-bottom:1px solid var(--line)}
    a{color:var(--soft);text-decoration:none}
    a:hover,a:focus-visible{color:var(--mark);text-decoration:underline}
    a[aria-current]{color:var(--mark);font-weight:600}
    h1{font-size:2rem;letter-spacing:-.02em;margin:2rem 0 .5rem}
    pre{overflow-x:auto;padding:.9rem 1rem;background:var(--card);border:1px solid var(--line);\
    border-radius:.5rem}
    code,kbd{font:.9375rem/1.5 ui-monospace,monospace}
    form{display:flex;flex-wrap:wrap;gap:.5rem;align-items:center}
    input,button{font:inherit;padding:.4rem .7rem;border:1px solid var(--line);\
    border-radius:.4rem;background:var(--card);color:inherit}
    input{flex:1 1 12rem}
    button{background:var(--mark);border-color:var(--mark);color:var(--page);cursor:pointer}
    .hint{color:var(--soft)}
    """
