import TestSupport
import Testing

/// The article's four examples in a real browser, judged by what is stored.
@Suite(.serialized) struct BrowserTests {
    private static let query = "?search=my cool search"

    @Test(
        "a demo page is a hit with what was searched for and a visitor",
        arguments: [
            ("/demo/simple", String?.none), ("/demo/search", "my cool search"),
            ("/demo/cookies", "my cool search"), ("/demo/cachebuster", "my cool search"),
            ("/", "my cool search"),
        ])
    func demoPage(_ path: String, _ search: String?) throws {
        let directory = TemporaryDirectory()
        let server = try FootfallServer(data: directory.path)
        let page = try Chromium().open("http://127.0.0.1:\(server.port)\(path)\(Self.query)")
        #expect(page.contains("Welcome"))
        #expect(server.stop().status == 0)
        let events = try StoredEvent.all(in: directory.path)
        #expect(events.count == 1)
        #expect(events.first?.params["s"] == search)
        #expect(events.first?["visitor"]?.count == 36)
        #expect(events.first?.isNewVisitor == true)
        #expect(events.first?["user_agent"]?.contains("HeadlessChrome") == true)
        #expect(events.first?["referrer"]?.contains(path) == true)
    }

    @Test("a second visit in the same profile is the same visitor")
    func returningVisitor() throws {
        let directory = TemporaryDirectory()
        let server = try FootfallServer(data: directory.path)
        let chromium = Chromium()
        for _ in 1...2 {
            _ = try chromium.open("http://127.0.0.1:\(server.port)/demo/cookies\(Self.query)")
        }
        server.stop()
        let events = try StoredEvent.all(in: directory.path)
        #expect(events.map(\.isNewVisitor) == [true, false])
        #expect(Set(events.map { $0["visitor"] }).count == 1)
    }

    @Test("the cache buster makes each visit a hit of its own, and says which page it was")
    func cacheBuster() throws {
        let directory = TemporaryDirectory()
        let server = try FootfallServer(data: directory.path)
        let chromium = Chromium()
        let url = "http://127.0.0.1:\(server.port)/demo/cachebuster\(Self.query)"
        for _ in 1...2 { _ = try chromium.open(url) }
        server.stop()
        let events = try StoredEvent.all(in: directory.path)
        #expect(events.count == 2)
        for key in ["t", "r"] {
            #expect(Set(events.compactMap { $0.params[key] }).count == 2, "\(key)")
        }
        #expect(events.allSatisfy { $0.params["s"] == "my cool search" })
        #expect(
            events.allSatisfy { $0.params["u"] == url.replacing(" ", with: "%20") })
        #expect(events.allSatisfy { $0.params["ref"] == "" })
    }

    @Test("what stands in the page's address runs in no page")
    func scriptInjection() throws {
        let directory = TemporaryDirectory()
        let server = try FootfallServer(data: directory.path)
        let evil = "%22%3E%3C/script%3E%3Cscript%3Edocument.title='pwned'%3C/script%3E&x=%zz"
        for path in ["/demo/search", "/demo/cookies", "/demo/cachebuster"] {
            let page = try Chromium().open(
                "http://127.0.0.1:\(server.port)\(path)?search=\(evil)")
            #expect(!page.contains("<title>pwned"), "\(path)")
        }
        server.stop()
        let expected = #""></script><script>document.title='pwned'</script>"#
        let events = try StoredEvent.all(in: directory.path)
        #expect(events.map { $0.params["s"] } == [expected, expected, expected])
    }
}
