import POSIX
import TestSupport

@testable import EventLog

/// A log in a directory of a test's own, written as a loop would.
final class LogFixture: Sendable {
    let directory = TemporaryDirectory()
    let progress = Monitor<[EventLog.Progress]>([])
    let notices = Monitor<[String]>([])

    var data: String { directory.file("data") }
    var log: LogDirectory { LogDirectory(path: data, disk: POSIXStorage()) }

    /// One with a log of two sealed segments, of events 1 to 3 and 4 to 6.
    static func sealed() throws -> LogFixture {
        let fixture = LogFixture()
        for texts in [["a", "b", "c"], ["d", "e", "f"]] {
            let log = try fixture.open()
            fixture.append(log, texts)
            guard log.close() else { throw SystemError("close") }
        }
        return fixture
    }

    func open(
        _ durability: Durability = .commit, _ change: (inout LogOptions) -> Void = { _ in }
    ) throws -> EventLog {
        var options = LogOptions(directory: data)
        options.durability = durability
        change(&options)
        let (progress, notices) = (progress, notices)
        return try EventLog(options) { news in
            progress.withLock { $0.append(news) }
            progress.notify()
        } notice: { notice in
            notices.withLock { $0.append(notice.description) }
        }
    }

    /// Appends events `{"n":"text"` in one batch.
    @discardableResult
    func append(_ log: EventLog, _ texts: [String]) -> EventLog.Appended {
        var batch = Batch()
        for text in texts {
            let bytes = Array(#"{"n":"\#(text)""#.utf8)
            _ = batch.append(bytesMax: bytes.count) { output in
                for byte in bytes { output.append(byte) }
            }
        }
        return log.append(&batch)
    }

    /// Waits until everything up to `sequence` may be acknowledged. False after ten seconds.
    func waitUntilStored(_ sequence: UInt64) -> Bool {
        func isStored(_ news: [EventLog.Progress]) -> Bool {
            news.contains {
                if case .stored(let through) = $0 { through >= sequence } else { false }
            }
        }
        return progress.withLock(waitingFor: isStored, seconds: 10) { isStored($0) }
    }

    /// The texts of all events that a reader sees, in order.
    func readable() throws -> [String] {
        var reader = LogReader(directory: data, from: 1)
        var texts: [String] = []
        try reader.read { _, line in
            texts.append(StoredText(String(decoding: line, as: UTF8.self)).text)
        }
        return texts
    }

    func verify() throws -> (summary: Verification.Summary, problems: [String]) {
        let problems = Monitor<[String]>([])
        let summary = try Verification.run(directory: data) { problem in
            problems.withLock { $0.append(problem.description) }
        }
        return (summary, problems.withLock { $0 })
    }

    func segments() -> [String] { directory.list("data/events") }
}

/// The text of an event that a fixture has appended.
struct StoredText {
    let text: String

    init(_ line: String) {
        text = line.split(separator: "\"").dropFirst(3).first.map { String($0) } ?? ""
    }
}

func segment(_ first: Int, open: Bool = false) -> String {
    let digits = String(first)
    return String(repeating: "0", count: 20 - digits.count) + digits
        + (open ? ".ndjson.open" : ".ndjson")
}
