internal import EventHTTP

/// The dashboard, which shows what `/live` tells: `dashboard.html` with its style and its script. It
/// loads nothing else.
enum DashboardPage {
    /// The page.
    static let response: Response = {
        let style = String(decoding: PackageResources.dashboard_css, as: UTF8.self)
        let script = String(decoding: PackageResources.dashboard_js, as: UTF8.self)
        let page = String(decoding: PackageResources.dashboard_html, as: UTF8.self)
            .replacing("{style}", with: style).replacing("{script}", with: script)
        let policy =
            "default-src 'none'; connect-src 'self'; img-src data:; "
            + "style-src \(InlineSource.hash(style)); script-src \(InlineSource.hash(script)); "
            + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        return Response(
            .ok,
            [
                .init("Content-Type", "text/html; charset=utf-8"),
                .init("Content-Security-Policy", policy),
            ] + AdminHandler.fields,
            body: page)
    }()
}
