/// What all pages have in common.
enum PageLayout {
    /// A page; `title` and `body` are HTML.
    static func html(title: String, body: String) -> String {
        """
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>\(title)</title>
        <style>\(style)</style>
        </head>
        <body>
        \(body)</body>
        </html>

        """
    }

    /// The style of all pages.
    static let style = """
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
        .hit{margin-top:2rem}
        h2{font-size:1.25rem;letter-spacing:-.01em;margin:0 0 .5rem}
        ul{padding-left:1.2rem;margin:.5rem 0 1rem}
        li+li{margin-top:.35rem}
        li,.hit code{overflow-wrap:anywhere}
        .hit pre{white-space:pre-wrap}
        :focus-visible{outline:2px solid var(--mark);outline-offset:2px}
        .key{color:var(--mark)}
        """
}
