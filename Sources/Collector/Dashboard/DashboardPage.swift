internal import EventHTTP

/// The dashboard, which shows what `/live` tells.
enum DashboardPage {
    /// The page.
    static let response = Response(
        .ok, [.init("Content-Type", "text/html; charset=utf-8")] + AdminHandler.fields,
        body: PageLayout.html(title: "Footfall", body: "<main><h1>Footfall</h1></main>\n"))
}
