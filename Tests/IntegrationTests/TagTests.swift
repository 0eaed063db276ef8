import Foundation
import TestSupport
import Testing

/// Pages of one site that track with a collector of another, over TLS through nginx, in Chromium.
final class TrackedSite {
    let directory = TemporaryDirectory()
    private(set) var server: FootfallServer
    private let arguments: [String]
    private let proxy: ChildProcess
    private let port: UInt16
    private let upstream: UInt16

    /// Where pages are, and where the collector is. `https://blog.example` has the pages too.
    var pages: String { "https://shop.example:\(port)" }
    var blog: String { "https://blog.example:\(port)" }
    var collector: String { "https://stats.example:\(port)" }

    /// A site with these pages by their paths; `COLLECTOR` in them is the collector's address.
    init(
        _ pages: [String: String], _ arguments: [String] = [], policy: String? = nil
    ) throws {
        upstream = try freePort()
        self.arguments =
            ["--trusted-proxies", "127.0.0.1", "--listen", "127.0.0.1:\(upstream)"] + arguments
        server = try FootfallServer(data: directory.file("data"), self.arguments)
        port = try freePort()
        try Certificate.make(
            for: "shop.example", "blog.example", "stats.example", in: directory, file: "tls.pem")
        try FileManager.default.createDirectory(
            atPath: directory.file("pages"), withIntermediateDirectories: true)
        let collector = "https://stats.example:\(port)"
        for (name, text) in pages {
            let page =
                "<!doctype html><meta charset=utf-8><title>\(name)</title>\n"
                + text.replacing("COLLECTOR", with: collector)
            try directory.write(Array(page.utf8), to: "pages/\(name).html")
        }
        let field = policy.map {
            "add_header Content-Security-Policy \"\($0.replacing("COLLECTOR", with: collector))\";"
        }
        try directory.write(
            Array(Self.nginx(port, upstream, field ?? "").utf8), to: "nginx.conf")
        proxy = try ChildProcess(
            ["nginx", "-p", directory.path, "-c", "nginx.conf", "-e", "error.log"])
        try waitUntilListening(port, proxy)
    }

    deinit {
        proxy.signal(SIGTERM)
        _ = proxy.waitForEnd(seconds: 10)
        server.stop()
    }

    private static func nginx(_ port: UInt16, _ upstream: UInt16, _ policy: String) -> String {
        """
        worker_processes 1;
        daemon off;
        pid nginx.pid;
        error_log error.log;
        events {}
        http {
            access_log off;
            default_type text/html;
            client_body_temp_path body;
            proxy_temp_path proxy;
            fastcgi_temp_path fastcgi;
            uwsgi_temp_path uwsgi;
            scgi_temp_path scgi;
            ssl_certificate tls.pem;
            ssl_certificate_key tls.pem;
            server {
                listen 127.0.0.1:\(port) ssl http2;
                server_name shop.example blog.example;
                root pages;
                \(policy)
                location / { try_files $uri $uri.html =404; }
            }
            server {
                listen 127.0.0.1:\(port) ssl http2;
                server_name stats.example;
                location / {
                    proxy_pass http://127.0.0.1:\(upstream);
                    proxy_http_version 1.1;
                    proxy_set_header Connection "";
                    proxy_set_header Host $http_host;
                    proxy_set_header X-Forwarded-For $remote_addr;
                    proxy_set_header X-Forwarded-Proto $scheme;
                    proxy_next_upstream off;
                }
            }
        }

        """
    }

    /// Ends the collector and starts it again where it was.
    func stopCollector() { server.stop() }

    func startCollector() throws {
        server = try FootfallServer(data: directory.file("data"), arguments)
    }

    /// The events, when there are so many, and it stays that way for a moment.
    func events(_ count: Int) throws -> [StoredEvent] {
        var events: [StoredEvent] = []
        for _ in 0..<1000 {
            events = try StoredEvent.all(in: directory.file("data"))
            if events.count >= count { break }
            usleep(10_000)
        }
        usleep(300_000)
        events = try StoredEvent.all(in: directory.file("data"))
        try #require(events.count == count, "\(events.map(\.line).joined(separator: "\n"))")
        return events
    }
}

@Suite(
    .serialized,
    .enabled(
        if: WebDriver.isInstalled && isInstalled("nginx") && isInstalled("openssl"),
        "chromium-driver, chromium, nginx or openssl is not installed"))
final class TagTests {
    private let driver: WebDriver

    init() throws { driver = try WebDriver() }

    private func browser(_ preferences: [String: any Sendable] = [:]) throws -> WebBrowser {
        try driver.browser(
            flags: ["--host-resolver-rules=MAP *.example 127.0.0.1"], preferences: preferences)
    }

    private static let tag = "<script src=\"COLLECTOR/tag.js\" async></script>"
    private static let blocking: [String: any Sendable] = [
        "profile.block_third_party_cookies": true, "profile.cookie_controls_mode": 1,
    ]

    // MARK: - Without the tag

    @Test("a script, an image and a page without script are hits of the page's visitor")
    func pixels() throws {
        let site = try TrackedSite([
            "a": #"<script src="COLLECTOR/track.js?s=one"></script>"#
                + #"<img src="COLLECTOR/track.gif?s=two" alt="">"#,
            "b": #"<script>document.title = "run"</script>"#
                + #"<noscript><img src="COLLECTOR/track.gif?s=three" alt=""></noscript>"#,
        ])
        let browser = try browser()
        try browser.open("\(site.pages)/a")
        try browser.open("\(site.pages)/a")
        let events = try site.events(4)
        #expect(Set(events.map { $0["kind"] }) == ["track", "pixel"])
        #expect(events.allSatisfy { $0["referrer"] == "\(site.pages)/" })
        // Two requests at once may come without a cookie; after them it is one visitor.
        let known = events.filter { $0.isNewVisitor == false }
        #expect(known.count >= 2)
        #expect(Set(known.map { $0["visitor"] }).count == 1)

        let plain = try self.browser([
            "profile.managed_default_content_settings.javascript": 2
        ])
        try plain.open("\(site.pages)/b")
        let last = try site.events(5).last
        #expect(last?.params == ["s": "three"])
        #expect(last?["kind"] == "pixel")
    }

    @Test("the cache buster does not hold up the page, and sends it whole")
    func buster() throws {
        let site = try TrackedSite([
            "first": #"<a href="/second?search=a%26b+%C3%A9">on</a>"#,
            "second": #"<script src="COLLECTOR/buster.js" async></script><p id="end">"#,
        ])
        let browser = try browser()
        try browser.open("\(site.pages)/first?x")
        try browser.click("a")
        let params = try #require(try site.events(1).first?.params)
        #expect(params["s"] == "a&b é")
        #expect(params["u"] == "\(site.pages)/second?search=a%26b+%C3%A9")
        #expect(params["ref"] == "\(site.pages)/first?x")
        #expect(try !browser.source.contains("document.write"))
    }

    @Test("a page reads the answer to its beacon, with its cookies")
    func crossOrigin() throws {
        let site = try TrackedSite(
            ["a": "", "b": ""], ["--allowed-origins", "https://shop.example"])
        let named = try TrackedSite(["a": ""])
        for (site, answer) in [(named, #"{"stored":2,"invalid":[]}"#), (site, "TypeError")] {
            let browser = try browser()
            try browser.open("\(site.pages)/a")
            let text = try browser.wait(
                """
                const done = arguments[0];
                fetch("\(site.collector)/track", {
                  method: "POST", credentials: "include",
                  headers: {"Content-Type": "application/json"}, body: "[{},{}]"
                }).then(r => r.text()).then(done, error => done(error.name));
                """)
            #expect(text.trimmingCharacters(in: .newlines) == answer)
        }
        // The preflight said no.
        #expect(try named.events(2).count == 2)
        #expect(try site.events(0).isEmpty)
    }

    // MARK: - The tag

    @Test("each view of a page is an event with the page and where it was come from")
    func views() throws {
        let site = try TrackedSite([
            "first": Self.tag + #"<a href="/second#part">on</a>"#, "second": Self.tag,
        ])
        let browser = try browser()
        try browser.open("\(site.pages)/first?search=my+search")
        _ = try site.events(1)
        try browser.click("a")
        let events = try site.events(2)
        #expect(
            events.map { $0.params["u"] } == [
                "\(site.pages)/first?search=my+search", "\(site.pages)/second",
            ])
        #expect(events[0].params["s"] == "my search")
        #expect(events[0].params["ref"] == nil)
        #expect(events[1].params["ref"] == "\(site.pages)/first?search=my+search")
        #expect(events.allSatisfy { $0["kind"] == "beacon" && $0["privacy"] == nil })
        #expect(Set(events.map { $0.params["e"] }).count == 2)
        #expect(events[0]["visitor"] == events[1]["visitor"])
        #expect(events.map(\.isNewVisitor) == [true, false])
    }

    @Test("a single-page application is seen page by page, and no page twice")
    func singlePage() throws {
        let site = try TrackedSite(["app": Self.tag])
        let browser = try browser()
        try browser.open("\(site.pages)/app")
        _ = try site.events(1)
        try browser.run("history.pushState({}, '', '/app/one')")
        try browser.run("history.replaceState({scroll: 7}, '', '/app/one')")
        try browser.run("location.hash = 'part'")
        try browser.run("history.pushState({}, '', '/app/two?x=1')")
        try browser.back()
        try browser.back()
        let events = try site.events(4)
        let paths = ["/app", "/app/one", "/app/two?x=1", "/app/one"]
        #expect(events.map { $0.params["u"] } == paths.map { site.pages + $0 })
        #expect(
            events.dropFirst().map { $0.params["ref"] } == paths.dropLast().map { site.pages + $0 })
    }

    @Test("events have names and properties, also those from before the tag was there")
    func namedEvents() throws {
        let site = try TrackedSite([
            "a": """
            <script>
            window.footfall = window.footfall || function () {
              (footfall.q = footfall.q || []).push(arguments);
            };
            footfall("early", {n: 1});
            </script>
            \(Self.tag)
            """
        ])
        let browser = try browser()
        try browser.open("\(site.pages)/a")
        _ = try site.events(2)
        let before = Int(Date().timeIntervalSince1970 * 1000) - 60_000
        try browser.run("footfall('sold', {price: 12.5, what: 'é\\n\\ud800'})")
        _ = try site.events(3)
        try browser.run("footfall('list', [1, 2])")
        #expect(try site.events(4).last?.line.contains(#""data":{"0":1,"1":2}"#) == true)
        // What cannot be an event is nobody's trouble.
        try browser.run("var round = {}; round.round = round; footfall('round', round)")
        let events = try site.events(4)
        #expect(Set(events.map { $0.params["n"] }) == [nil, "early", "sold", "list"])
        let sold = try #require(events.dropLast().last)
        #expect(sold.params["n"] == "sold")
        #expect(sold.line.contains(#""data":{"price":12.5,"what":"é\n?"}"#))
        #expect(Int(sold.params["t"] ?? "") ?? 0 > before)
        #expect(sold.params["u"] == "\(site.pages)/a")
    }

    @Test("an event on the way out of a page is sent all the same")
    func leaving() throws {
        let site = try TrackedSite(
            [
                "a": Self.tag
                    + "<script>addEventListener('load', function () { "
                    + "addEventListener('pagehide', function () { footfall('bye', {x: 1}) }) })"
                    + "</script>",
                "b": "", "c": Self.tag,
            ], ["--capture-headers", "sec-fetch-mode"])
        let browser = try browser()
        try browser.open("\(site.pages)/a")
        _ = try site.events(1)
        try browser.open("\(site.pages)/b")
        let bye = try #require(try site.events(2).last)
        #expect(bye.params["n"] == "bye")
        // That is how a beacon comes, and fetch does not.
        #expect(bye.line.contains(#""sec-fetch-mode":"no-cors""#))
        // And one whose page goes away at once, by fetch with keepalive.
        try browser.open("\(site.pages)/c")
        _ = try site.events(3)
        try browser.run("footfall('gone'); location.href = '/b'")
        #expect(try site.events(4).last?.params["n"] == "gone")
    }

    @Test("what the collector could not take is sent again, once, as the same event")
    func retry() throws {
        let site = try TrackedSite(["a": Self.tag, "b": Self.tag])
        let browser = try browser()
        try browser.open("\(site.pages)/a")
        _ = try site.events(1)
        site.stopCollector()
        try browser.run("footfall('lost', {x: 1})")
        try browser.run("history.pushState({}, '', '/a/more')")
        var kept = ""
        for _ in 0..<500 {
            kept = try browser.run(
                "return localStorage.getItem('footfall \(site.collector)') || ''")
            if kept.contains("lost"), kept.contains("more") { break }
            usleep(10_000)
        }
        let marks = kept.matches(of: /e=([0-9a-f-]{36})/).map { String($0.1) }
        try #require(marks.count == 2, "\(kept)")
        // A page that tries in vain, and goes away over it, loses nothing.
        try browser.open("\(site.pages)/b?down")
        try browser.open("\(site.pages)/none")
        try browser.open("\(site.pages)/b?down")
        try site.startCollector()
        // What it has tried to send is left alone for a minute.
        try browser.run(
            """
            var key = 'footfall \(site.collector)', hits = JSON.parse(localStorage.getItem(key));
            hits.forEach(function (hit) { hit[3] = 1; });
            localStorage.setItem(key, JSON.stringify(hits));
            """)
        try browser.open("\(site.pages)/b")
        var events: [StoredEvent] = []
        for _ in 0..<1000 {
            events = try StoredEvent.all(in: site.directory.file("data"))
            let arrived = Set(events.compactMap { $0.params["e"] })
            if Set(marks).isSubset(of: arrived), events.last?.params["u"]?.hasSuffix("/b") == true {
                break
            }
            usleep(10_000)
        }
        usleep(500_000)
        events = try StoredEvent.all(in: site.directory.file("data"))
        #expect(Set(marks).isSubset(of: Set(events.compactMap { $0.params["e"] })))
        #expect(Set(events.map { $0.params["e"] }).count == events.count)
        #expect(
            try browser.run("return localStorage.getItem('footfall \(site.collector)') || ''") == ""
        )
        try browser.open("\(site.pages)/b?again")
        #expect(
            try site.events(events.count + 1).last?.params["u"] == "\(site.pages)/b?again")
    }

    // MARK: - Cookies

    @Test(
        "with Partitioned a visitor is known in the pages of one site, and another in those of another"
    )
    func partitioned() throws {
        let site = try TrackedSite(["a": Self.tag])
        let browser = try browser(Self.blocking)
        for page in ["\(site.pages)/a", "\(site.pages)/a?2", "\(site.blog)/a", "\(site.pages)/a?3"]
        {
            try browser.open(page)
            _ = try browser.run("return 1")
            usleep(300_000)
        }
        let visitors = try site.events(4).map { $0["visitor"] }
        #expect(visitors[1] == visitors[0])
        #expect(visitors[2] != visitors[0])
        #expect(visitors[3] == visitors[0])
    }

    @Test(
        "without Partitioned a browser that blocks other sites' cookies knows no visitor, others all"
    )
    func unpartitioned() throws {
        for (preferences, isKnown) in [
            (Self.blocking, false), (["profile.cookie_controls_mode": 0], true),
        ] as [([String: any Sendable], Bool)] {
            let site = try TrackedSite(["a": Self.tag], ["--cookie-partitioned", "false"])
            let browser = try browser(preferences)
            for page in ["\(site.pages)/a", "\(site.pages)/a?2", "\(site.blog)/a"] {
                try browser.open(page)
                usleep(300_000)
            }
            let visitors = try site.events(3).map { $0["visitor"] }
            #expect(Set(visitors).count == (isKnown ? 1 : 3))
        }
    }

    // MARK: - Privacy

    @Test("Global Privacy Control is honoured by the collector and by the tag")
    func globalPrivacyControl() throws {
        let site = try TrackedSite(["a": Self.tag])
        let browser = try browser()
        try browser.devTools("Network.enable", [:])
        try browser.devTools("Network.setExtraHTTPHeaders", ["headers": ["Sec-GPC": "1"]])
        try browser.devTools(
            "Page.addScriptToEvaluateOnNewDocument",
            [
                "source":
                    "Object.defineProperty(navigator, 'globalPrivacyControl', {value: true})"
            ])
        try browser.open("\(site.pages)/a")
        let event = try #require(try site.events(1).first)
        #expect(event["privacy"] == "gpc")
        #expect(!event.keys.contains("visitor"))
        #expect(event["user_agent"] == "Chrome")
        site.stopCollector()
        _ = try browser.wait(
            "footfall('lost'); setTimeout(arguments[0], 500)")
        #expect(
            try browser.run("return localStorage.getItem('footfall \(site.collector)') || ''") == ""
        )
        try site.startCollector()
    }

    @Test(
        "a visitor opts out by a page without script, and in again",
        arguments: [
            // A browser that keeps the cookies of other sites, and a page of its own.
            (["profile.cookie_controls_mode": 0], "COLLECTOR/opt-out"),
            // One that does not: the choice is made within a page of the site.
            (blocking, "PAGES/frame"),
        ] as [([String: any Sendable], String)])
    func optOut(_ preferences: [String: any Sendable], _ address: String) throws {
        let site = try TrackedSite([
            "a": Self.tag, "frame": #"<iframe src="COLLECTOR/opt-out"></iframe>"#,
        ])
        let browser = try browser(preferences)
        func choose(from before: String, to after: String) throws {
            try browser.open(
                address.replacing("COLLECTOR", with: site.collector)
                    .replacing("PAGES", with: site.pages))
            if address.hasSuffix("frame") { try browser.enterFrame() }
            #expect(try browser.source.contains(before))
            try browser.click("button")
            for _ in 0..<300 where try !browser.source.contains(after) { usleep(10_000) }
            #expect(try browser.source.contains(after))
        }
        try browser.open("\(site.pages)/a")
        #expect(try site.events(1)[0].isNewVisitor == true)
        try choose(from: "You have not opted out.", to: "You have opted out.")
        try browser.open("\(site.pages)/a?2")
        let out = try site.events(2)[1]
        #expect(out["privacy"] == "opt_out")
        #expect(!out.keys.contains("visitor"))
        try choose(from: "You have opted out.", to: "You have not opted out.")
        try browser.open("\(site.pages)/a?3")
        let back = try site.events(3)[2]
        #expect(back["privacy"] == nil)
        #expect(back.isNewVisitor == true)
    }

    // MARK: - Pages that are strict, ahead of time, or disguised

    @Test("a page that allows the collector only, and no script of its own, is tracked")
    func contentSecurityPolicy() throws {
        let site = try TrackedSite(
            ["a": Self.tag],
            policy: "default-src 'none'; script-src COLLECTOR; connect-src COLLECTOR")
        let browser = try browser()
        try browser.open("\(site.pages)/a")
        #expect(try site.events(1)[0].params["u"] == "\(site.pages)/a")
        // And one that allows images, not requests.
        let images = try TrackedSite(
            ["a": Self.tag],
            policy: "default-src 'none'; script-src COLLECTOR; img-src COLLECTOR")
        try browser.open("\(images.pages)/a")
        try browser.run("footfall('sold', {price: 1})")
        let events = try images.events(2)
        #expect(events.map { $0["kind"] } == ["pixel", "pixel"])
        #expect(events[0].params["u"] == "\(images.pages)/a")
        #expect(events[1].params["data"] == #"{"price":1}"#)
        // With the old pixel it takes script-src alone.
        let other = try TrackedSite(
            ["b": #"<script src="COLLECTOR/buster.js"></script>"#],
            policy: "default-src 'none'; script-src COLLECTOR")
        try browser.open("\(other.pages)/b")
        #expect(try other.events(1)[0].params["u"] == "\(other.pages)/b")
    }

    @Test("a page that is rendered ahead is a view when it is shown, and not before")
    func prerender() throws {
        let site = try TrackedSite([
            "a": #"<script type="speculationrules">{"prerender":[{"source":"list","#
                + #""urls":["/next"],"eagerness":"immediate"}]}</script>"#
                + #"<a href="/next">on</a>"#,
            "next": Self.tag,
        ])
        let browser = try browser()
        try browser.open("\(site.pages)/a")
        usleep(1_500_000)
        #expect(try site.events(0).isEmpty)
        try browser.click("a")
        #expect(try site.events(1)[0].params["u"] == "\(site.pages)/next")
        let start = try browser.run(
            "return performance.getEntriesByType('navigation')[0].activationStart > 0")
        #expect(start == "1", "the page was not rendered ahead")
    }

    @Test("the tag works under other names")
    func renamed() throws {
        let site = try TrackedSite(
            ["a": #"<script src="COLLECTOR/lib/m.js" async></script>"#],
            [
                "--tag-paths", "/lib/m.js", "--beacon-paths", "/in", "--parameter-aliases", "p=u",
                "--parameter-aliases", "i=e", "--cookie-names", "_v",
            ])
        let browser = try browser()
        try browser.open("\(site.pages)/a")
        let event = try #require(try site.events(1).first)
        #expect(event["path"] == "/in")
        #expect(event["query"]?.hasPrefix("i=") == true)
        #expect(event.params["u"] == "\(site.pages)/a")
        #expect(event.params["e"]?.count == 36)
    }
}
