import Foundation
import Glibc
import Logging
import POSIX
import TestSupport
import Testing
import Tracking

@testable import Collector

@Suite struct LogTests {
    private static let time = Timestamp(microseconds: 1_795_000_000_123_456)

    private func line(
        _ message: String, level: Logger.Level = .info, _ metadata: Logger.Metadata = [:]
    ) -> LogLine {
        LogLine(
            time: Self.time, level: level, label: "footfall", message: message, metadata: metadata)
    }

    @Test("a message in each format")
    func formats() {
        let message = line("stopped", level: .warning, ["b": "2", "a": "one two"])
        #expect(
            message.text(.text)
                == "\(Self.time) warning: stopped a=\"one two\" b=2\n")
        #expect(message.text(.journald) == "<4>stopped a=\"one two\" b=2\n")
        #expect(
            message.text(.json)
                == #"{"time":"\#(Self.time)","level":"warning","message":"stopped","#
                + #""label":"footfall","metadata":{"a":"one two","b":"2"}}"# + "\n")
    }

    @Test(
        "a level is a priority of syslog",
        arguments: [
            (.trace, 7), (.debug, 7), (.info, 6), (.notice, 5), (.warning, 4), (.error, 3),
            (.critical, 2),
        ] as [(Logger.Level, Int)])
    func priorities(_ level: Logger.Level, _ priority: Int) {
        #expect(line("x", level: level).text(.journald) == "<\(priority)>x\n")
    }

    static let hostile: [String] = [
        "two\nlines", "\r\n<0>forged", "\u{1b}[2J\u{7}", "\u{9b}31m", "\u{202e}reversed",
        "a\u{2028}b",
        "\u{0}", "\u{7f}", "\u{e000}", "\u{1f600} \u{10ffff}", "quotes \" and \\", "\u{feff}x",
        String(decoding: [0x47, 0xff, 0xc0, 0x80], as: UTF8.self),
    ]

    @Test(
        "whatever a message is made of, it is one line of harmless characters", arguments: hostile)
    func harmless(_ text: String) throws {
        let metadata: Logger.Metadata = [text: .string(text), "list": .array([.string(text)])]
        for format in LogFormat.allCases {
            let written = line(text, metadata).text(format)
            #expect(written.unicodeScalars.count { $0 == "\n" } == 1 && written.hasSuffix("\n"))
            for scalar in written.unicodeScalars.dropLast() {
                switch scalar.properties.generalCategory {
                case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse:
                    Issue.record("\(format): U+\(String(scalar.value, radix: 16))")
                default: break
                }
            }
        }
        // JSON brings it back as it was.
        let json = try JSONSerialization.jsonObject(
            with: Data(line(text, metadata).text(.json).utf8))
        let object = try #require(json as? [String: Any])
        #expect((object["message"] as? String).map { Array($0.utf8) } == Array(text.utf8))
        let pairs = try #require(object["metadata"] as? [String: Any])
        #expect(pairs["list"] as? [String] == [text])
    }

    @Test("auto is journald only where the stream is the journal's")
    func automatic() throws {
        let directory = TemporaryDirectory()
        try directory.write([], to: "log")
        let descriptor = open(directory.file("log"), O_WRONLY)
        defer { close(descriptor) }
        var status = stat()
        try #require(fstat(descriptor, &status) == 0)
        let stream = "\(status.st_dev):\(status.st_ino)"
        let table: [(format: LogFormat, stream: String?, expected: LogFormat)] = [
            (.auto, stream, .journald), (.auto, nil, .text), (.auto, "1:2", .text),
            (.auto, "", .text), (.auto, stream + "0", .text), (.json, stream, .json),
            (.text, stream, .text), (.journald, nil, .journald),
        ]
        for (format, stream, expected) in table {
            #expect(format.resolved(journalStream: stream, descriptor: descriptor) == expected)
        }
        #expect(LogFormat.auto.resolved(journalStream: stream, descriptor: -1) == .text)
    }

    // MARK: - Limits

    private let kind = LogLimiter.Kind(file: "a.swift", line: 1, level: .warning)

    @Test("ten messages of a kind are written in ten seconds, and the others are counted")
    func limit() {
        var limiter = LogLimiter()
        let other = LogLimiter.Kind(file: "a.swift", line: 2, level: .warning)
        for number in 0..<25 {
            #expect(limiter.takes("m\(number)", of: kind, at: 100) == (number < 10))
        }
        #expect(limiter.takes("other", of: other, at: 100) == true)
        #expect(limiter.takeEnded(at: 109.9) == [])
        #expect(
            limiter.takeEnded(at: 110) == [.init(level: .warning, count: 15, message: "m24")])
        // It begins anew.
        #expect(limiter.takeEnded(at: 200) == [])
        #expect(limiter.takes("m", of: kind, at: 110) == true)
    }

    @Test("messages that come slowly are all written")
    func slow() {
        var limiter = LogLimiter()
        for number in 0..<100 {
            let now = Double(number) * 1.01
            #expect(limiter.takeEnded(at: now) == [])
            #expect(limiter.takes("m", of: kind, at: now) == true)
        }
    }

    /// An output and what it has written.
    private func output(_ options: LoggingOptions) -> (LogOutput, @Sendable () -> [String]) {
        let written = Monitor<[String]>([])
        let output = LogOutput(options) { text in written.withLock { $0.append(text) } }
        return (output, { written.withLock { $0 } })
    }

    private func event(_ message: String, line: UInt = 1, level: Logger.Level = .info) -> LogEvent {
        LogEvent(
            level: level, message: "\(message)", metadata: nil, source: nil, file: "f",
            function: "g", line: line)
    }

    @Test("a line says how many messages were not written, at the latest at the end")
    func suppressed() {
        var options = LoggingOptions()
        options.format = .journald
        let (output, written) = output(options)
        for number in 0..<12 {
            output.log(event("a\(number)"), [:], time: Self.time, monotonic: 0)
        }
        #expect(written().count == 10)
        output.reportSuppressed(time: Self.time, monotonic: 9)
        #expect(written().count == 10)
        // The next one, of whatever kind, brings it.
        output.log(event("b", line: 2, level: .error), [:], time: Self.time, monotonic: 10)
        #expect(written().dropFirst(10) == ["<6>suppressed 2 messages like: a11\n", "<3>b\n"])
        for number in 0..<11 {
            output.log(event("c\(number)"), [:], time: Self.time, monotonic: 11)
        }
        output.close()
        #expect(written().last == "<6>suppressed 1 messages like: c10\n")
    }

    @Test("a logger writes what is as severe as the level, which can be changed")
    func levels() {
        var options = LoggingOptions()
        (options.format, options.level) = (.json, .warning)
        let (output, written) = output(options)
        let logger = output.logger
        logger.info("no")
        logger.warning("yes", metadata: ["a": "b"])
        options.level = .debug
        logger.output?.apply(options)
        logger.debug("now")
        logger.trace("no")
        #expect(written().count == 2)
        #expect(written()[0].contains(#""message":"yes","label":"footfall","metadata":{"a":"b"}"#))
        #expect(written()[1].contains(#""level":"debug","message":"now""#))
    }
}
