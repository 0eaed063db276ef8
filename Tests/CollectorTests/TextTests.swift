import EventHTTP
import Testing
import Tracking

@testable import Collector

@Suite struct TextTests {
    @Test(
        "nothing that a terminal could act on gets through",
        arguments: [
            ("plain é 😀", "plain é 😀"), ("\u{1b}[31mred", "\\u{1b}[31mred"),
            ("a\r\nb\t\0", "a\\u{d}\\u{a}b\\u{9}\\u{0}"), ("\u{7f}\u{9b}31m", "\\u{7f}\\u{9b}31m"),
            ("\u{202e}gpj.exe", "\\u{202e}gpj.exe"), ("\u{2028}", "\\u{2028}"),
        ])
    func terminal(_ text: String, _ escaped: String) {
        #expect(TerminalText.escaped(text.utf8) == escaped)
    }

    @Test("bytes that are not UTF-8 are shown as replaced")
    func notUTF8() {
        #expect(TerminalText.escaped([0x61, 0xff, 0x9b]) == "a\u{fffd}\u{fffd}")
    }

    @Test("a search cannot leave the address or the attribute that it stands in")
    func pages() {
        let pages = Pages(Configuration())
        func html(_ page: DemoPage, _ search: String) -> String {
            let query = Array("search=\(PercentEncoding.encode(search.utf8))".utf8)
            let reply = pages.demo(page, query: query.span, random: (7, 8), applied: nil)
            return String(decoding: reply.body, as: UTF8.self)
        }
        for page in DemoPage.allCases {
            let html = html(page, #""><script>alert(1)</script>&' %"#)
            #expect(!html.contains("<script>alert"))
            #expect(!html.contains(#"value="">"#))
        }
        #expect(
            html(.search, "my cool search")
                .contains(
                    #"<script src="/track.js?s=my%20cool%20search&amp;e="#
                        + #"demo-00000000000000070000"></script>"#))
        #expect(PercentEncoding.encode([0x00, 0x2f, 0xff, 0x7e]) == "%00%2F%FF~")
    }

    @Test("a time is written as in the Common Log Format")
    func commonLogTime() {
        let time = Timestamp(microseconds: 1_366_833_801_000_000)
        #expect(CommonLogTime(time).description == "24/Apr/2013:20:03:21 +0000")
    }
}
