import EventLog
import Foundation
import POSIX
import TestSupport
import Testing
import Tracking

@testable import Collector

/// The thread that reads the log for the dashboard.
@Suite struct LiveFollowerTests {
    private let directory = TemporaryDirectory()

    /// A log with so many events of just now.
    private func log(events: Int) throws -> EventLog {
        let log = try EventLog(
            LogOptions(directory: directory.path), progress: { _ in }, notice: { _ in })
        var batch = Batch()
        let time = Timestamp(microseconds: Clock.microsecondsSinceEpoch())
        let text = Array(#"{"v":1,"time":"\#(time)","kind":"track""#.utf8)
        for _ in 0..<events {
            _ = batch.append(bytesMax: text.count) { output in
                for byte in text { output.append(byte) }
            }
        }
        _ = log.append(&batch)
        return log
    }

    /// What a follower tells somebody who begins to watch.
    private func start(eventsMax: UInt64) throws -> String {
        let told = Monitor<String?>(nil)
        let follower = try LiveFollower(
            directory: directory.path, .commit, eventsMax: eventsMax
        ) { update in
            guard case .second(let start?, _) = update else { return }
            told.withLock { $0 = $0 ?? start }
            told.notify()
        } warn: {
            Issue.record("\($0)")
        }
        defer { follower.stop() }
        // Nobody watches, so nothing is told.
        usleep(200_000)
        #expect(told.withLock { $0 } == nil)
        follower.setWatchers(1, hasNew: true)
        let text = told.withLock(waitingFor: { $0 != nil }, seconds: 60) { $0 }
        return try #require(text)
    }

    @Test func `of a long hour it reads the end, and says what it left out`() throws {
        let log = try log(events: 100)
        #expect(log.close())
        let all = try start(eventsMax: 100)
        #expect(all.contains(#""hour":{"hits":100,"#) && !all.contains("skipped"))
        let some = try start(eventsMax: 30)
        #expect(some.contains(#""hour":{"hits":30,"#) && some.contains(#""skipped":70,"#))
        #expect(some.contains(#""total_events":100"#))
    }

    @Test func `what is damaged is passed over, and what is around it is told`() throws {
        #expect(try log(events: 50).close())
        let name = try #require(directory.list("events").first)
        let path = directory.file("events/\(name)")
        var bytes = try [UInt8](Data(contentsOf: URL(fileURLWithPath: path)))
        // Within a line.
        let newline = try #require(bytes[(bytes.count / 2)...].firstIndex(of: 0x0a))
        bytes[newline + 20] ^= 1
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        let told = try start(eventsMax: 1000)
        #expect(told.contains(#""hour":{"hits":49,"#) && told.contains(#""total_events":50"#))
    }
}
