import Foundation
import TestSupport
import Testing

/// The dashboard in a real browser, held against the log.
@Suite(
    .serialized,
    .enabled(if: WebDriver.isInstalled, "chromium-driver or chromium is not installed"))
final class DashboardTests {
    private let driver: WebDriver
    private let directory = TemporaryDirectory()
    private var data: String { directory.file("data") }

    init() throws { driver = try WebDriver() }

    // MARK: - Looking at a page

    /// The text of the element with an identifier.
    private func text(_ identifier: String, _ browser: WebBrowser) throws -> String {
        try browser.run("return document.getElementById('\(identifier)').textContent")
    }

    /// Waits until an expression of the page has that value; the value at last.
    @discardableResult
    private func wait(
        _ browser: WebBrowser, _ expression: String, until expected: String,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> Bool {
        var value = ""
        for _ in 0..<600 {
            value = try browser.run("return String(\(expression))")
            if value == expected { return true }
            usleep(50_000)
        }
        Issue.record(
            "\(expression) is \(value), not \(expected)", sourceLocation: sourceLocation)
        return false
    }

    /// Waits until the page knows of so many events.
    private func wait(_ browser: WebBrowser, events: Int) throws {
        try wait(
            browser, "document.getElementById('events').textContent", until: "\(events)")
    }

    private func isShown(_ identifier: String, _ browser: WebBrowser) throws -> Bool {
        let script = "return String(document.getElementById('\(identifier)').offsetHeight > 0)"
        return try browser.run(script) == "true"
    }

    /// The rows of a list: what is counted, and how often.
    private func rows(_ list: String, _ browser: WebBrowser) throws -> [String: Int] {
        let json = try browser.run(
            """
            return JSON.stringify(Array.from(document.querySelectorAll("#top-\(list) li"), item =>
              [item.querySelector("bdi").title, Number(item.querySelector("b").textContent)]))
            """)
        let rows =
            try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [[Any]] ?? []
        return Dictionary(
            rows.map { ($0[0] as? String ?? "?", $0[1] as? Int ?? -1) }
        ) { $0 + $1 }
    }

    // MARK: - A load

    private static let script = #"<script>document.title='pwned'</script><img src=x onerror=pwn()>"#
    private static let agents = [
        "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 "
            + "Safari/537.36",
        "curl/8.14.1",
    ]

    private func hit(_ server: FootfallServer, _ index: Int) throws {
        var fields = ["User-Agent: \(Self.agents[index % 3])"]
        if index % 4 != 0 {
            fields.append("Cookie: id=6f9619ff-8b86-4d01-b42d-00cf4fc964\(10 + index % 7)")
        }
        if index % 5 == 0 { fields.append("Sec-GPC: 1") }
        if index % 11 == 1 { fields.append("Cookie: opt_out=1") }
        let search = index % 9 == 0 ? Self.script : "search \(index % 6)"
        let encoded = search.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
        let query =
            "s=\(encoded)&u=https://shop.example/page\(index % 3)"
            + (index % 2 == 0 ? "&ref=https://from.example/\(index % 4)" : "")
        #expect(try server.request("/track.js?\(query)", fields)?.status == 200)
    }

    private func expectFigures(_ browser: WebBrowser) throws {
        let events = try StoredEvent.all(in: data)
        func count(_ isWanted: (StoredEvent) -> Bool) -> String {
            "\(events.count(where: isWanted))"
        }
        let expected = [
            "events": "\(events.count)", "hour-hits": "\(events.count)",
            "hour-visitors": "\(Set(events.compactMap { $0["visitor"] }).count)",
            "hour-error": "", "new": count { $0.isNewVisitor == true },
            "bots": count { $0["bot"] != nil }, "gpc": count { $0["privacy"] == "gpc" },
            "opt-out": count { $0["privacy"] == "opt_out" }, "dnt": "0", "dropped": "0",
        ]
        for (identifier, figure) in expected {
            #expect(try text(identifier, browser) == figure, "\(identifier)")
        }
        func counts(_ value: (StoredEvent) -> String?) -> [String: Int] {
            events.compactMap(value).reduce(into: [:]) { $0[$1, default: 0] += 1 }
        }
        let lists: [String: [String: Int]] = [
            "search": counts { $0.params["s"] }, "page": counts { $0.params["u"] },
            "referrer": counts { $0.params["ref"] }, "bot": counts { $0["bot"] },
            "privacy": counts { $0["privacy"] },
            "browser": counts { event in
                let agent = event["user_agent"] ?? ""
                return ["Firefox", "Chrome"].first { agent.contains($0) } ?? "Other"
            },
        ]
        for (list, expected) in lists {
            #expect(try rows(list, browser) == expected, "\(list)")
        }
        let last = try #require(events.last)
        let first = "document.querySelector('#newest tr')"
        #expect(
            try browser.run("return \(first).querySelector('.sought').textContent")
                == last.params["s"])
        #expect(
            try browser.run("return \(first).cells[1].textContent")
                == last["visitor"].map { String($0.prefix(8)) } ?? "anonymous")
    }

    // MARK: - What it shows

    @Test func `the figures are those of the log, and move on with each hit`() throws {
        let server = try FootfallServer(data: data)
        for index in 0..<70 { try hit(server, index) }
        let browser = try driver.browser()
        let address = "http://127.0.0.1:\(server.adminPort)/"
        try browser.open(address)
        try wait(browser, events: 70)
        try expectFigures(browser)
        #expect(try text("state", browser) == "Live")
        // The second in which they came may be one of the last that was shown, or the next.
        try wait(
            browser,
            "/ ([1-9][0-9]*) hits in all/.exec(document.querySelector('#rate-chart svg')"
                + ".getAttribute('aria-label'))?.[1]", until: "70")
        for index in 70..<75 { try hit(server, index) }
        try wait(browser, events: 75)
        try expectFigures(browser)
        // Times are those since somebody watches.
        for index in 75..<78 {
            try hit(server, index)
            try wait(browser, events: index + 1)
        }
        #expect(try text("p50", browser).hasSuffix(" ms"))

        // What a hit brings is text, and the page asks nobody else.
        #expect(try rows("search", browser)[Self.script] != nil)
        #expect(
            try browser.run("return document.querySelectorAll('main img, main script').length")
                == "0")
        #expect(try browser.run("return document.title").hasSuffix("– Footfall dashboard"))
        let resources = try browser.run(
            """
            return performance.getEntriesByType("resource").map(entry => entry.name)
              .filter(name => !name.startsWith("\(address)") && !name.startsWith("data:")).join()
            """)
        #expect(resources == "")
        #expect(server.stop().status == 0)
    }

    @Test func `the newest hits wait while they are paused, and come when they go on`() throws {
        let server = try FootfallServer(data: data)
        try hit(server, 1)
        let browser = try driver.browser()
        try browser.open("http://127.0.0.1:\(server.adminPort)/")
        try wait(browser, events: 1)
        try browser.click("#pause")
        for index in 2..<4 { try hit(server, index) }
        try wait(browser, "document.getElementById('held').textContent", until: "paused, 2 more")
        #expect(try text("pause", browser) == "Pause")
        let count = "document.querySelectorAll('#newest tr').length"
        #expect(try browser.run("return \(count)") == "1")
        try browser.click("#pause")
        try wait(browser, count, until: "3")
        // However many come, the page keeps no more than it shows.
        for index in 4..<60 { try hit(server, index) }
        try wait(browser, events: 59)
        #expect(try browser.run("return \(count)") == "20")
        try expectFigures(browser)
    }

    @Test func `with an empty log it says what to do, and what it says works`() throws {
        let server = try FootfallServer(data: data)
        let browser = try driver.browser()
        try browser.open("http://127.0.0.1:\(server.adminPort)/")
        try wait(browser, events: 0)
        #expect(try isShown("empty", browser))
        #expect(try !isShown("rate", browser))
        let site = "http://127.0.0.1:\(server.port)"
        #expect(try browser.run("return document.getElementById('empty-link').href") == "\(site)/")
        #expect(try text("empty-tag", browser).contains("src=\"\(site)/tag.js\""))
        let command = try text("empty-curl", browser)
        #expect(try ChildProcess.run(["sh", "-c", command]).output.contains("200 OK"))
        try wait(browser, events: 1)
        #expect(try !isShown("empty", browser))
        #expect(try isShown("rate", browser))
        #expect(try rows("search", browser) == ["my cool search": 1])
        #expect(server.process.errors.contains(": demo pages: \(site)/\n"))
        #expect(
            server.process.errors.contains(": dashboard: http://127.0.0.1:\(server.adminPort)/\n"))
    }

    @Test func `it says that the collector is away, and starts again by itself`() throws {
        let port = try freePort()
        let address = ["--admin", "127.0.0.1:\(port)"]
        var server = try FootfallServer(data: data, address)
        try hit(server, 1)
        let browser = try driver.browser()
        try browser.open("http://127.0.0.1:\(port)/")
        try wait(browser, events: 1)
        server.kill()
        try wait(browser, "document.getElementById('state').textContent", until: "Reconnecting")
        #expect(try browser.run("return document.body.className") == "stale")
        server = try FootfallServer(data: data, address)
        try hit(server, 2)
        try wait(browser, events: 2)
        #expect(try text("state", browser) == "Live")
        #expect(try browser.run("return document.body.className") == "")
        try expectFigures(browser)
        server.stop()
    }

    @Test func `it says why hits are refused, and that forwarding fails`() throws {
        let server = try FootfallServer(data: data)
        for index in 0..<3 { try hit(server, index) }
        server.stop()
        let failing = try FootfallServer(
            data: data,
            [
                "--low-water-bytes", "900GiB", "--high-water-bytes", "901GiB", "--forward", "kafka",
                "--kafka-brokers", "127.0.0.1:\(freePort())",
            ])
        let browser = try driver.browser()
        try browser.open("http://127.0.0.1:\(failing.adminPort)/")
        try wait(
            browser, "document.querySelectorAll('#notices .notice').length", until: "2")
        let notices = try text("notices", browser)
        #expect(notices.contains("Hits are refused: the disk is almost full"))
        #expect(notices.contains("Forwarding to kafka is failing: hits wait in the log"))
        #expect(try text("sinks", browser).contains("3 behind"))
        failing.kill()
    }

    // MARK: - How it is sent

    @Test func `the page is sent with a policy that allows only what it is made of`() throws {
        let server = try FootfallServer(data: data)
        let admin = try HTTPConnection(port: server.adminPort)
        let page = try #require(admin.request("/"))
        #expect(page.status == 200)
        #expect(page["content-type"] == "text/html; charset=utf-8")
        let policy = try #require(page["content-security-policy"])
        #expect(policy.hasPrefix("default-src 'none'; connect-src 'self'; "))
        #expect(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"))
        #expect(policy.split(separator: " ").count { $0.hasPrefix("'sha256-") } == 2)
        #expect(page["cache-control"] == "no-store")
        let head = try #require(admin.request("/", method: "HEAD"))
        #expect(head.status == 200 && head.body.isEmpty)
        #expect(head["content-length"] == "\(page.body.count)")
        #expect(head["content-security-policy"] == policy)
        // Nothing in it is to be filled in, and no address is somebody else's.
        #expect(!page.text.contains("{style}") && !page.text.contains("{script}"))
        let addresses = page.text.matches(of: /https?:\/\/[^\/'"`?)\s]+/).map { String($0.output) }
        #expect(Set(addresses) == ["http://www.w3.org", "https://stats.example"])
    }

    @Test func `a person with the token sees it, and nobody else`() throws {
        let token = "a-token-of-enough-length"
        let server = try FootfallServer(data: data, ["--admin-token", token])
        try hit(server, 1)
        #expect(try HTTPConnection(port: server.adminPort).request("/")?.status == 401)
        let browser = try driver.browser()
        try browser.open("http://operator:\(token)@127.0.0.1:\(server.adminPort)/")
        try wait(browser, events: 1)
        try expectFigures(browser)
    }

    // MARK: - For everybody

    /// The contrast of each text with what is behind it (WCAG 2.2, 1.4.3), if it is too low.
    private static let contrast = """
        function channels(color) { return color.match(/[\\d.]+/g).map(Number); }
        function luminance(color) {
          const [r, g, b] = channels(color).map(value => value / 255)
            .map(value => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
          return 0.2126 * r + 0.7152 * g + 0.0722 * b;
        }
        function background(element) {
          for (; element; element = element.parentElement) {
            const color = getComputedStyle(element).backgroundColor;
            if ((channels(color)[3] ?? 1) > 0.99) return color;
          }
          return "rgb(255, 255, 255)";
        }
        const low = [];
        for (const element of document.body.querySelectorAll("*")) {
          const hasText = Array.from(element.childNodes).some(node =>
            node.nodeType === Node.TEXT_NODE && node.data.trim() !== "");
          if (!hasText || element.getClientRects().length === 0) continue;
          const style = getComputedStyle(element);
          const color = element.closest("svg") ? style.fill : style.color;
          const pair = [luminance(color), luminance(background(element))].sort((a, b) => b - a);
          const ratio = (pair[0] + 0.05) / (pair[1] + 0.05);
          if (ratio < 4.5) low.push(`${element.tagName} ${element.className} ${ratio.toFixed(2)}`);
        }
        return low.join("; ");
        """

    /// What is wrong with the page for those who do not see it.
    private static let audit = """
        const wrong = [];
        const check = (isRight, text) => { if (!isRight) wrong.push(text); };
        const all = selector => Array.from(document.querySelectorAll(selector));
        check(document.documentElement.lang === "en", "lang");
        check(document.title !== "", "title");
        check(all("h1").length === 1, "one h1");
        check(all("main").length === 1 && all("header").length === 1, "landmarks");
        for (const figure of all("figure")) {
          const svg = figure.querySelector("svg[role=img]");
          check(/[0-9]/.test(svg?.getAttribute("aria-label") ?? ""), `${figure.id} has no text`);
        }
        for (const svg of all("svg:not(figure svg)")) check(svg.ariaHidden === "true", "a bare svg");
        let level = 1;
        for (const heading of all("h1, h2, h3, h4")) {
          const next = Number(heading.tagName[1]);
          check(next <= level + 1, `${heading.textContent} skips a level`);
          level = next;
        }
        for (const section of all("section, [role=region]")) {
          const name = document.getElementById(section.getAttribute("aria-labelledby"))?.textContent
            ?? section.ariaLabel;
          check(name, "a section without a name");
        }
        for (const table of all("table")) {
          check(table.caption && all("th").every(head => head.scope === "col"), "a table's heads");
        }
        for (const button of all("button, a")) check(button.textContent.trim() || button.hidden, "a name");
        const names = all("[id]").map(element => element.id);
        check(new Set(names).size === names.length, "an id twice");
        // News that are told aloud are few.
        check(all("[aria-live], [role=status], [role=alert]").length === 2, "live regions");
        return wrong.join("; ");
        """

    @Test func `it is readable in light and dark, on a phone, and by a screen reader`() throws {
        let server = try FootfallServer(data: data)
        let long = String(repeating: "long", count: 60)
        for index in 0..<30 { try hit(server, index) }
        _ = try server.request("/track.js?s=\(long)&u=https://\(long).example/\(long)")
        _ = try server.request(
            "/track.js?s=\(long)&u=\(long)", ["Sec-GPC: 1", "User-Agent: Googlebot"])
        let empty = try FootfallServer(data: directory.file("empty"))
        let browser = try driver.browser()
        for scheme in ["light", "dark"] {
            try browser.devTools(
                "Emulation.setEmulatedMedia",
                ["features": [["name": "prefers-color-scheme", "value": scheme]]])
            for (server, events) in [(server, 32), (empty, 0)] {
                for width in [360, 800, 1320] {
                    try browser.devTools(
                        "Emulation.setDeviceMetricsOverride",
                        [
                            "width": width, "height": 800, "deviceScaleFactor": 1,
                            "mobile": width < 500,
                        ])
                    try browser.open("http://127.0.0.1:\(server.adminPort)/")
                    try wait(browser, events: events)
                    let place = "\(scheme), \(width), \(events) events"
                    let scrolled = try browser.run(
                        "return String(document.documentElement.scrollWidth > \(width))")
                    #expect(scrolled == "false", "\(place)")
                    #expect(try browser.run(Self.contrast) == "", "\(place)")
                    if events > 0 { #expect(try browser.run(Self.audit) == "", "\(place)") }
                }
            }
        }
    }

    @Test func `the keyboard reaches everything, and it shows where it is`() throws {
        let server = try FootfallServer(data: data)
        try hit(server, 1)
        let browser = try driver.browser()
        try browser.open("http://127.0.0.1:\(server.adminPort)/")
        try wait(browser, events: 1)
        var reached: [String] = []
        for _ in 0..<6 {
            for kind in ["keyDown", "keyUp"] {
                try browser.devTools(
                    "Input.dispatchKeyEvent",
                    ["type": kind, "key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9])
            }
            let name = try browser.run(
                """
                const element = document.activeElement;
                const isSeen = getComputedStyle(element).outlineStyle !== "none";
                return (element.id || element.className || element.textContent)
                  + (isSeen ? "" : " (unseen)");
                """)
            reached.append(name)
        }
        #expect(reached.prefix(5) == ["skip", "demo", "Metrics", "pause", "scroll"])
        // While the focus is in the table it stands still.
        try browser.run("document.querySelector('.scroll').focus()")
        try hit(server, 2)
        try wait(browser, events: 2)
        #expect(try browser.run("return document.querySelectorAll('#newest tr').length") == "1")
    }
}
