import Testing

@testable import EventHTTP

@Suite struct RequestTargetTests {
    @Test(
        "a target is split by our own reading",
        arguments: [
            ("/", "/", ""),
            ("/track.js?s=a?b", "/track.js", "s=a?b"),
            ("/track.js?", "/track.js", ""),
            ("//evil.com/i.gif", "//evil.com/i.gif", ""),
            ("/%61dmin", "/%61dmin", ""),
            ("http://host/track.js?s=1", "/track.js", "s=1"),
            ("HTTPS://host:8443/", "/", ""),
            ("/a/../b", "/a/../b", ""),
        ])
    func splits(_ text: String, _ path: String, _ query: String) {
        let bytes = Array(text.utf8)
        let target = bytes.withUnsafeBufferPointer { RequestTarget(visible: $0) }
        #expect(target.map { String(decoding: bytes[$0.path], as: UTF8.self) } == path)
        #expect(target.map { String(decoding: bytes[$0.query], as: UTF8.self) } == query)
    }

    @Test(
        "anything else is refused",
        arguments: [
            "", "*", "track.js", "?s=1", "host:80", "ftp://host/", "http://", "http:///x",
            "http://host", "http://host?x", "/a#b",
        ])
    func refuses(_ text: String) {
        let target = Array(text.utf8).withUnsafeBufferPointer { RequestTarget(visible: $0) }
        #expect(target == nil)
    }
}
