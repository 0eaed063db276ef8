import Foundation
import TestSupport
import Testing

/// The demo pages show the person's own hit as the log has it.
@Suite(
    .serialized,
    .enabled(if: WebDriver.isInstalled, "chromium-driver or chromium is not installed"))
final class DemoPageTests {
    private let driver: WebDriver
    private let directory = TemporaryDirectory()
    private var data: String { directory.file("data") }

    init() throws { driver = try WebDriver() }

    /// What the page says of the hit, when it has it.
    private func words(_ browser: WebBrowser) throws -> String {
        for _ in 0..<300 {
            let text = try browser.run("return document.getElementById('hit-state').textContent")
            if text.hasPrefix("It is on disk") {
                return try browser.run("return document.getElementById('hit').innerText")
            }
            usleep(20_000)
        }
        Issue.record("the page does not have its hit")
        return ""
    }

    @Test(
        "each page shows its own hit, under any names",
        arguments: ["/", "/demo/simple", "/demo/search", "/demo/cookies", "/demo/cachebuster"])
    func ownHit(_ path: String) throws {
        for names in [[], ["--parameter-aliases", "id=e", "--script-paths", "/a.js"]] {
            let data = directory.file("data\(names.count)")
            let server = try FootfallServer(data: data, names)
            let browser = try driver.browser()
            for visit in 1...2 {
                try browser.open("http://127.0.0.1:\(server.port)\(path)?search=my+cool+search")
                let words = try words(browser)
                let event = try #require(try StoredEvent.all(in: data).last)
                #expect(event.sequence == visit)
                #expect(words.contains("as event \(visit) of the log"))
                let visitor = try #require(event["visitor"])
                #expect(words.contains("You are visitor \(visitor)"))
                #expect(words.contains(visit == 1 ? "You are new" : "you have been here before"))
                #expect(words.contains("only the network is stored: 127.0.0.0"))
                // The whole event, and just that.
                let json = try browser.run(
                    "return JSON.stringify(JSON.parse(document.querySelector('#hit-event').innerText))"
                )
                let shown = try JSONSerialization.jsonObject(with: Data(json.utf8)) as? NSDictionary
                let stored = try JSONSerialization.jsonObject(with: Data(event.line.utf8))
                #expect(shown == stored as? NSDictionary)
            }
        }
    }

    @Test func `what was searched for is text, however it looks`() throws {
        let server = try FootfallServer(data: data)
        let browser = try driver.browser()
        let evil =
            #"</script><script>document.title='pwned'</script><img src=x onerror="document.title='pwned'">"#
        let encoded = evil.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
        for path in ["/demo/search", "/demo/cachebuster"] {
            try browser.open("http://127.0.0.1:\(server.port)\(path)?search=\(encoded)")
            #expect(try words(browser).contains("You searched for \(evil)."))
            #expect(try browser.run("return document.title").hasPrefix("Welcome"))
            #expect(try browser.run("return document.images.length") == "0")
        }
        let page = try #require(try server.request("/demo/search?search=a"))
        let policy = try #require(page["content-security-policy"])
        #expect(policy.hasPrefix("default-src 'none'; ") && !policy.contains("unsafe"))
    }

    @Test func `what privacy did to a hit is said in words`() throws {
        let cases: [(arguments: [String], field: String, parts: [String])] = [
            ([], "Sec-GPC", ["Global Privacy Control", "no cookie was read or set", "no visitor"]),
            (["--dnt-policy", "anonymize"], "DNT", ["Do Not Track", "no visitor"]),
            (["--ip-detail", "none"], "X-None", ["Your address is not stored."]),
            (["--ip-detail", "full"], "X-None", ["Your address is stored: 127.0.0.1"]),
            (["--ip-detail", "full"], "Sec-GPC", ["only the network is stored: 127.0.0.0"]),
            (["--consent-parameter", "c"], "X-None", ["nobody has agreed to a cookie"]),
        ]
        for (index, (arguments, field, parts)) in cases.enumerated() {
            let server = try FootfallServer(data: directory.file("data\(index)"), arguments)
            let browser = try driver.browser()
            try browser.devTools("Network.enable", [:])
            try browser.devTools("Network.setExtraHTTPHeaders", ["headers": [field: "1"]])
            try browser.open("http://127.0.0.1:\(server.port)/demo/search?search=a")
            let words = try words(browser)
            for part in parts { #expect(words.contains(part), "\(arguments) \(field): \(words)") }
            if field != "X-None" { #expect(!words.contains("You are visitor")) }
        }
    }

    @Test func `a hit that is dropped by the visitor's choice is said to be, and why`() throws {
        let server = try FootfallServer(data: data, ["--gpc-policy", "drop"])
        let page = try #require(try server.request("/demo/cookies", ["Sec-GPC: 1"]))
        #expect(page.text.contains("Your hit is not stored"))
        #expect(page.text.contains("Your browser sends Global Privacy Control"))
        let other = try #require(try server.request("/demo/cookies"))
        #expect(!other.text.contains("Your hit is not stored"))
    }

    @Test func `without scripts a page is the article's, and promises nothing`() throws {
        let server = try FootfallServer(data: data)
        let browser = try driver.browser(
            preferences: ["profile.managed_default_content_settings.javascript": 2])
        try browser.open("http://127.0.0.1:\(server.port)/demo/search?search=a")
        let page = try browser.source
        #expect(page.contains("Welcome") && page.contains("<form action=\"/demo/search\">"))
        let hit = page.firstMatch(of: /<section[^>]*id="hit"[^>]*>/)
        #expect(hit?.output.contains("hidden") == true)
        #expect(try StoredEvent.all(in: data).isEmpty)
    }
}
