import EventHTTP
import Foundation
import TestSupport
import Testing

@testable import Collector

/// Which hits are taken for a program's, against the list that this is made from.
@Suite struct BotTests {
    private static let crawlers = CrawlerList()

    private static func reason(_ userAgent: String, _ detector: borrowing BotDetector) -> String {
        let bytes = Array(userAgent.utf8)
        return String(decoding: Array(detector.reason(of: bytes.span).bytes), as: UTF8.self)
    }

    private func reason(_ userAgent: String) -> String {
        Self.reason(userAgent, BotDetector(Self.crawlers))
    }

    private static let browsers = [
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 "
            + "Safari/537.36",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
            + "Chrome/156.0.0.0 Safari/537.36 Edg/156.0.0.0",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:150.0) Gecko/20100101 Firefox/150.0",
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
            + "Version/26.1 Safari/605.1.15",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
            + "Gecko) Version/26.1 Mobile/15E148 Safari/604.1",
        "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) "
            + "Chrome/156.0.0.0 Mobile Safari/537.36",
        "Mozilla/5.0 (Linux; Android 14; SM-S921B) AppleWebKit/537.36 (KHTML, like Gecko) "
            + "SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36",
        "Opera/9.80 (Windows NT 6.1; U; en) Presto/2.8.131 Version/11.11", "",
    ]

    @Test("browsers are not taken for programs", arguments: browsers)
    func browser(_ userAgent: String) {
        #expect(reason(userAgent) == "")
    }

    @Test(
        "the reason is the name that a program gives itself",
        arguments: [
            (
                "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
                "Googlebot"
            ),
            ("curl/7.88.1", "curl"), ("Wget/1.21.3", "wget"),
            ("Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)", "bingbot"),
            ("python-requests/2.31.0", "python-requests"), ("Go-http-client/1.1", "Go-http-client"),
            (
                "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; "
                    + "+https://openai.com/gptbot)", "GPTBot"
            ),
        ])
    func program(_ userAgent: String, _ expected: String) {
        #expect(reason(userAgent) == expected)
    }

    @Test("who was judged before is judged alike, whoever came in between")
    func cache() {
        let seed = SeededRandom.newSeed()
        print("seed \(seed)")
        var random = SeededRandom(seed: seed)
        let detector = BotDetector(Self.crawlers)
        let texts = (0..<3000).map { index in
            let name = ["curl/", "Browser ", "Googlebot/"][index % 3]
            let length = Int.random(in: 0...(index % 50 == 0 ? 700 : 40), using: &random)
            return name + String(repeating: "\(index) ", count: length / 4)
        }
        for _ in 0..<20_000 {
            let index = Int.random(in: texts.indices, using: &random)
            let expected = ["curl", "", "Googlebot"][index % 3]
            #expect(Self.reason(texts[index], detector) == expected, "\(texts[index])")
        }
    }

    // MARK: - Against the list

    private static let hasList = Python.has("crawleruseragents")

    /// Says of each input whether an expression of the list matches it.
    private static let judge = """
        import re, sys
        from crawleruseragents import CRAWLER_USER_AGENTS_DATA as data

        patterns = [re.compile(entry["pattern"]) for entry in data]
        for line in sys.stdin:
            text = bytes.fromhex(line).decode("latin-1")
            print(int(any(pattern.search(text) for pattern in patterns)))
        """

    @Test(
        "what the expressions of the list match is found, and nothing else but for the few wider ones",
        .enabled(if: hasList, "Python lacks crawler-user-agents: pip install crawler-user-agents"))
    func agreement() throws {
        let instances = try Python.run(
            """
            from crawleruseragents import CRAWLER_USER_AGENTS_DATA as data
            for entry in data:
                for text in entry.get("instances", []):
                    if text.isascii() and "\\n" not in text:
                        print(text)
            """, on: [])
        #expect(instances.count > 1500)
        let seed = SeededRandom.newSeed()
        print("seed \(seed)")
        var random = SeededRandom(seed: seed)
        var inputs =
            instances.map { Array($0.utf8) } + Self.browsers.dropLast().map { Array($0.utf8) }
        for text in instances where Int.random(in: 0..<4, using: &random) == 0 {
            var bytes = Array(text.utf8)
            for _ in 0..<Int.random(in: 1...3, using: &random) where bytes.count > 1 {
                let place = Int.random(in: bytes.indices, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: bytes.remove(at: place)
                case 1: bytes = Array(bytes[..<place])
                default: bytes[place] ^= 0x20
                }
                if bytes.isEmpty { bytes = [0x78] }
            }
            inputs.append(bytes.map { $0 < 0x20 || $0 > 0x7e ? 0x78 : $0 })
        }
        let expected = try Python.run(Self.judge, on: inputs)
        try #require(expected.count == inputs.count)
        // Names of which the list asks for more than Footfall does.
        let wider = ["AdsBot-Google", " Feed-Fetcher", "ContextualBot", "RSS Reader", "spider.com"]
        let detector = BotDetector(Self.crawlers)
        for (input, isCrawler) in zip(inputs, expected) {
            let text = String(decoding: input, as: UTF8.self)
            let found = detector.reason(of: input.span) != .none
            if isCrawler == "0", found, wider.contains(where: { text.contains($0) }) { continue }
            #expect(found == (isCrawler == "1"), "\(text), seed \(seed)")
        }
    }

    @Test(
        "the list is what its script makes of the package",
        .enabled(if: hasList, "Python lacks crawler-user-agents: pip install crawler-user-agents"))
    func generated() throws {
        let folder = FootfallBinary.packageDirectory.appending(path: "Sources/Collector/Bots")
        let result = try ChildProcess.run([
            Python.path, folder.appending(path: "update-crawlers.py").path,
        ])
        #expect(result.status == 0, "\(result.errors)")
        let file = try String(
            contentsOf: folder.appending(path: "CrawlerPatterns.swift"), encoding: .utf8)
        #expect(result.output == file, "run make crawlers")
    }
}
