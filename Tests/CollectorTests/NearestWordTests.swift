import Testing

@testable import Collector

@Suite struct NearestWordTests {
    @Test(
        "the distance counts letters put in, taken out, exchanged and swapped",
        arguments: [
            ("", "", 0), ("a", "", 1), ("", "abc", 3), ("abc", "abc", 0), ("abc", "abd", 1),
            ("abc", "acb", 1), ("abc", "xabc", 1), ("kitten", "sitting", 3), ("ab", "ba", 1),
            ("ca", "abc", 3), ("durabilty", "durability", 1), ("abcdef", "badcfe", 3),
        ])
    func distance(_ one: String, _ other: String, _ distance: Int) {
        #expect(NearestWord.distance(Array(one.utf8), Array(other.utf8)) == distance)
        #expect(NearestWord.distance(Array(other.utf8), Array(one.utf8)) == distance)
    }

    @Test(
        "the nearest word is one that can have been meant",
        arguments: [
            ("lisen", "listen"), ("LISTEN", "listen"), ("sync-interval", "sync_interval"),
            ("syncinterval", "sync_interval"), ("segment_bytes", "segment_bytes_max"),
            ("dtaa", "data"), ("http", "http"), ("colour", nil), ("x", nil), ("", nil),
            ("dta", "data"), ("ip", nil), (String(repeating: "data", count: 100), nil),
        ] as [(String, String?)])
    func nearest(_ text: String, _ expected: String?) {
        let words = ["listen", "data", "sync_interval", "segment_bytes_max", "http"]
        #expect(NearestWord.of(text, among: words) == expected)
    }
}
