import Foundation
import POSIX
import TestSupport
import Testing
import Tracking

@testable import Collector
@testable import EventHTTP

@Suite struct AccessLogTests {
    private static let time = Timestamp(microseconds: 1_366_833_801_999_999)
    private static let date = "[24/Apr/2013:20:03:21 +0000]"

    /// The lines in the file after `body`.
    private func written(
        _ detail: AddressDetail = .network, _ body: (AccessLog) throws -> Void
    ) throws -> [String] {
        let directory = TemporaryDirectory()
        let log = AccessLog(try AccessLogFile(directory.file("log")), detail) { _ in }
        try body(log)
        log.write()
        #expect(log.lostLines == 0)
        return String(decoding: try directory.bytes("log"), as: UTF8.self)
            .components(separatedBy: "\n").dropLast().map { $0 }
    }

    private func answer(
        _ log: AccessLog, _ request: String, address: String, _ privacy: AccessLog.Privacy = .plain,
        status: HTTPStatus = .ok, bytes: Int = 0
    ) throws {
        let bytesOfHead = Array((request + "\r\nHost: a\r\n\r\n").utf8)
        let parser = HeadParser(limits: HTTPLimits())
        let head = try #require(try bytesOfHead.withUnsafeBufferPointer { try parser.parse($0) })
        let peer = Array(address.utf8)
        let line = log.line(
            RequestHead(
                bytes: bytesOfHead.span,
                fields: UnsafeBufferPointer(rebasing: parser.fields[..<head.fieldCount]).span,
                peer: peer.span, parts: head.parts),
            address: peer.span, privacy, time: Self.time)
        log.append(line, status: status, bytes: bytes)
    }

    @Test("a line is in the Common Log Format, with a dash for what is missing")
    func lines() throws {
        let lines = try written(.full) { log in
            try answer(log, "GET /a?b=c HTTP/1.1", address: "203.0.113.7", bytes: 43)
            try answer(log, "HEAD / HTTP/1.0", address: "2001:db8::1", bytes: 99)
            try answer(log, "OPTIONS /track HTTP/1.1", address: "", status: .noContent)
            try answer(
                log, #"GET /"\ HTTP/1.1"#, address: "192.0.2.1", status: .notFound, bytes: 1234567)
        }
        #expect(
            lines == [
                #"203.0.113.7 - - \#(Self.date) "GET /a?b=c HTTP/1.1" 200 43"#,
                #"2001:db8::1 - - \#(Self.date) "HEAD / HTTP/1.0" 200 -"#,
                #"- - - \#(Self.date) "OPTIONS /track HTTP/1.1" 204 -"#,
                #"192.0.2.1 - - \#(Self.date) "GET /\"\\ HTTP/1.1" 404 1234567"#,
            ])
    }

    @Test("a line says no more of the client than an event would")
    func privacy() throws {
        let table: [(AddressDetail, AccessLog.Privacy, host: String, target: String)] = [
            (.full, .plain, "203.0.113.7", "/a?b=c"), (.network, .plain, "203.0.113.0", "/a?b=c"),
            (.none, .plain, "-", "/a?b=c"), (.full, .anonymous, "203.0.113.0", "/a?b=c"),
            (.network, .anonymous, "203.0.113.0", "/a?b=c"), (.none, .anonymous, "-", "/a?b=c"),
            (.full, .nothing, "-", "/a"), (.network, .nothing, "-", "/a"),
        ]
        for (detail, privacy, host, target) in table {
            let lines = try written(detail) {
                try answer($0, "GET /a?b=c HTTP/1.1", address: "203.0.113.7", privacy)
            }
            #expect(lines == ["\(host) - - \(Self.date) \"GET \(target) HTTP/1.1\" 200 -"])
        }
        let odd = try written(.network) {
            try answer($0, "GET / HTTP/1.1", address: "no address")
            try answer($0, "GET / HTTP/1.1", address: "2001:db8:1:2::3")
        }
        #expect(odd.map { $0.prefix { $0 != " " } } == ["-", "2001:db8:1::"])
    }

    @Test(
        "bytes of a request are escaped as Apache does",
        arguments: [
            ("", ""), ("plain ~", "plain ~"), ("\"\\", #"\"\\"#),
            ("\u{8}\t\n\u{b}\r", #"\b\t\n\v\r"#),
            ("\u{0}\u{1b}[2J\u{7f}", #"\x00\x1b[2J\x7f"#),
            ("\u{e4}\u{202e}", #"\xc3\xa4\xe2\x80\xae"#),
        ])
    func escapes(_ text: String, _ expected: String) {
        var escaped: [UInt8] = []
        let bytes = Array(text.utf8)
        AccessLog.escape(bytes.span, to: &escaped)
        #expect(String(decoding: escaped, as: UTF8.self) == expected)
    }

    @Test("of a refused request there is its first line, or a dash")
    func refusals() throws {
        let table: [(begun: [UInt8], shown: String)] = [
            ([], "-"), (Array("\r\n".utf8), "-"),
            (Array("\r\nBREW /x HTTP/1.1\r\nA: b".utf8), "BREW /x HTTP/1.1"),
            (Array("GET /\"".utf8), #"GET /\""#), ([0x16, 0x03, 0x01, 0xff], #"\x16\x03\x01\xff"#),
            (Array("a\nb".utf8), "a"),
            (Array(repeating: 0x61, count: 5000), String(repeating: "a", count: 1024)),
        ]
        let peer = Array("203.0.113.7".utf8)
        for (begun, shown) in table {
            let lines = try written {
                $0.appendRefusal(
                    begun: begun.span, address: peer.span, time: Self.time, status: .badRequest,
                    bytes: 16)
            }
            #expect(lines == ["203.0.113.0 - - \(Self.date) \"\(shown)\" 400 16"])
        }
    }

    @Test("a file that was renamed gets no more lines once it was opened again")
    func reopening() throws {
        let directory = TemporaryDirectory()
        let file = try AccessLogFile(directory.file("log"))
        let log = AccessLog(file, .full) { _ in }
        try answer(log, "GET /1 HTTP/1.1", address: "")
        log.write()
        try #require(rename(directory.file("log"), directory.file("log.1")) == 0)
        try answer(log, "GET /2 HTTP/1.1", address: "")
        log.write()
        try file.reopen()
        try answer(log, "GET /3 HTTP/1.1", address: "")
        log.write()
        #expect(try directory.bytes("log.1").split(separator: 0x0a).count == 2)
        #expect(try directory.bytes("log").split(separator: 0x0a).count == 1)
        // Where it cannot be made, lines go on to the old one.
        try #require(rename(directory.file("log"), directory.file("log.2")) == 0)
        try #require(mkdir(directory.file("log"), 0o755) == 0)
        #expect(throws: SystemError.self) { try file.reopen() }
        try answer(log, "GET /4 HTTP/1.1", address: "")
        log.write()
        #expect(try directory.bytes("log.2").split(separator: 0x0a).count == 2)
    }

    @Test("lines that cannot be written are lost and counted, and it is said now and then")
    func losses() throws {
        var warnings: [String] = []
        let log = AccessLog(try AccessLogFile("/dev/full"), .full) { warnings.append($0) }
        for _ in 0..<3 {
            try answer(log, "GET / HTTP/1.1", address: "")
            log.write()
        }
        #expect(log.lostLines == 3)
        #expect(
            warnings == [
                "access_log: write /dev/full: No space left on device: 1 lines were lost on one loop so far"
            ])
        // A pipe that nobody reads is filled, and not waited for.
        let directory = TemporaryDirectory()
        try #require(mkfifo(directory.file("pipe"), 0o600) == 0)
        #expect(throws: SystemError.self) { try AccessLogFile(directory.file("pipe")) }
        let reader = open(directory.file("pipe"), O_RDONLY | O_NONBLOCK)
        defer { close(reader) }
        let full = AccessLog(try AccessLogFile(directory.file("pipe")), .full) { _ in }
        // More at a time than a pipe takes whole (pipe(7), PIPE_BUF).
        for _ in 0..<20 {
            for _ in 0..<201 { try answer(full, "GET / HTTP/1.1", address: "") }
            full.write()
        }
        #expect(full.lostLines > 0)
        // What got through is whole lines, but for the one that was cut, which ends before the next.
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        func receive() -> String {
            let count = read(reader, &bytes, bytes.count)
            return String(decoding: bytes[..<max(0, count)], as: UTF8.self)
        }
        let line = "- - - \(Self.date) \"GET / HTTP/1.1\" 200 -"
        let text = receive()
        let lines = text.split(separator: "\n")
        #expect(lines.count > 100 && lines.dropLast().allSatisfy { $0 == line })
        #expect(!text.hasSuffix("\n"))
        try answer(full, "GET / HTTP/1.1", address: "")
        full.write()
        #expect(receive() == "\n\(line)\n")
    }
}
