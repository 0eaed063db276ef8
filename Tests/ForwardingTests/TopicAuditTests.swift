import POSIX
import TestSupport
import Testing

@testable import EventLog
@testable import Forwarding

@Suite struct TopicAuditTests {
    private struct Record {
        var id: String
        var value: [UInt8]
        var isReplayed = false
    }

    private static func id(_ number: Int) -> String {
        let digits = String(number)
        return "019a0000-0000-7000-8000-" + String(repeating: "0", count: 12 - digits.count)
            + digits
    }

    /// Forty events in segments of a few, of which a sink got those up to 30, and 5 and 6 were refused.
    private func log() throws -> (log: SimulatedLog, records: [Record]) {
        let log = try SimulatedLog(SimulatedDisk(seed: 1))
        for number in 1...40 {
            var batch = Batch()
            let text = #"{"v":1,"id":"\#(Self.id(number))","params":{"id":"no"}"#
            let bytes = Array(text.utf8)
            _ = batch.append(bytesMax: bytes.count) { output in
                for byte in bytes { output.append(byte) }
            }
            _ = log.writer.append(batch)
        }
        _ = log.writer.work()
        var records: [Record] = []
        var reader = LogReader(log.directory, from: 1)
        try reader.read { records.append(Record(id: Self.id(Int($0)), value: Array($1))) }
        let segments = try log.directory.segments()
        try #require(records.count == 40 && segments.count > 2)
        var checkpoint = Checkpoint(origin: 0)
        (checkpoint.sequence, checkpoint.delivered, checkpoint.rejected) = (30, 28, 2)
        try checkpoint.store("kafka", in: log.directory)
        var rejected = RejectedFile("kafka", in: log.directory)
        for sequence in [5, 6] {
            try rejected.append(
                RejectedFile.line(UInt64(sequence), reason: "", records[sequence - 1].value))
        }
        return (log, records)
    }

    private func audit(_ log: SimulatedLog, _ records: [Record]) throws -> TopicAudit.Summary {
        var audit = try #require(try TopicAudit(sink: "kafka", log.directory))
        for (offset, record) in records.enumerated() {
            Array(record.id.utf8).withUnsafeBytes { id in
                record.value.withUnsafeBytes { value in
                    audit.take(
                        TopicAudit.Record(
                            partition: 0, offset: Int64(offset), id: id, value: value,
                            isReplayed: record.isReplayed))
                }
            }
        }
        let summary = try audit.finish()
        let sum =
            summary.events + summary.again + summary.replayed + summary.elsewhere + summary.wrong
        #expect(summary.records == sum)
        #expect(summary.records == UInt64(records.count))
        return summary
    }

    private func delivered(_ records: [Record]) -> [Record] {
        records[..<30].filter { ![Self.id(5), Self.id(6)].contains($0.id) }
    }

    @Test("what was delivered is there once, and what was refused or is pending need not be")
    func clean() throws {
        let (log, records) = try log()
        var found = try audit(log, delivered(records))
        #expect(found.isClean && found.due == 28 && found.found == 28 && found.events == 28)
        // A crash came before the checkpoint: some that count as pending are there too.
        found = try audit(log, delivered(records) + records[30..<33])
        #expect(found.isClean && found.found == 28 && found.events == 31)
    }

    @Test("events that were sent again or replayed are counted apart, and are there")
    func again() throws {
        let (log, records) = try log()
        var sent = delivered(records)
        sent += [sent[0], sent[0], sent[7]]
        var replayed = sent[3]
        replayed.isReplayed = true
        let found = try audit(log, sent + [replayed, replayed])
        #expect(found.isClean && found.found == 28 && found.events == 28)
        #expect(found.again == 3 && found.replayed == 2)
        // One that was only replayed is there all the same.
        sent.remove(at: 3)
        let only = try audit(log, sent + [replayed])
        #expect(only.isClean && only.found == 28 && only.events == 27 && only.replayed == 1)
    }

    @Test("what is missing is named")
    func missing() throws {
        let (log, records) = try log()
        let sent = delivered(records).filter { record in
            ![8, 9, 10, 12].contains { record.id == Self.id($0) }
        }
        let found = try audit(log, sent)
        #expect(!found.isClean && found.due == 28 && found.found == 24)
        #expect(found.problems == ["events 8 to 10 are missing", "event 12 is missing"])
        let nothing = try audit(log, [])
        #expect(nothing.problems == ["events 1 to 4 are missing", "events 7 to 30 are missing"])
    }

    @Test("a record that is not as the log has it is wrong, byte for byte")
    func wrong() throws {
        let (log, records) = try log()
        for byte in stride(from: 0, to: records[2].value.count, by: 7) {
            var sent = delivered(records)
            sent[2].value[byte] ^= 1
            let found = try audit(log, sent)
            #expect(!found.isClean && found.wrong == 1 && found.found == 27)
            #expect(
                found.problems == [
                    "partition 0, offset 2: it is not the event that has its identifier in the log",
                    "event 3 is missing",
                ])
        }
        var sent = delivered(records)
        sent[2].value = sent[3].value
        #expect(try audit(log, sent).wrong == 1)
        // An event of another log.
        var stranger = records[7]
        stranger.id = Self.id(99)
        let found = try audit(log, delivered(records) + [stranger])
        #expect(!found.isClean && found.wrong == 1 && found.found == 28)
        #expect(
            found.problems == [
                "partition 0, offset 28: it says that it is event 8, and the log has another one"
            ])
        // Many are counted, and some told.
        let many = try audit(log, [Record](repeating: stranger, count: 100) + delivered(records))
        #expect(many.wrong == 100 && many.problems.count == 10)
    }

    @Test("what the log does not have any more, or never had, is told, and no error")
    func elsewhere() throws {
        let (log, records) = try log()
        let strange = [
            Record(id: "", value: Array("hello".utf8)), Record(id: Self.id(77), value: []),
        ]
        #expect(try audit(log, delivered(records) + strange).elsewhere == 2)
        let segments = try log.directory.segments()
        try log.disk.delete(log.directory.path(of: segments[0]))
        let deleted = Int(segments[1].first) - 1
        let found = try audit(log, delivered(records))
        #expect(found.isClean && found.elsewhere > 0)
        #expect(found.due == 28 - found.elsewhere && found.events == found.due)
        #expect(found.elsewhere == UInt64(deleted - [5, 6].count { $0 <= deleted }))
        // A damaged line in between.
        let path = log.directory.path(of: segments[1])
        var bytes = log.disk.bytes(path)
        bytes[bytes.count / 2] ^= 1
        log.disk.put(bytes, at: path)
        let damaged = try audit(log, delivered(records))
        #expect(damaged.isClean && damaged.elsewhere == found.elsewhere + 1)
    }

    @Test("without a checkpoint there is nothing to hold against")
    func noCheckpoint() throws {
        let (log, _) = try log()
        let audit = try TopicAudit(sink: "other", log.directory)
        #expect(audit == nil)
    }

    @Test("the table finds what a dictionary finds")
    func table() throws {
        let seed = SeededRandom.newSeed()
        print("seed \(seed)")
        var random = SeededRandom(seed: seed)
        var keys: [UInt64] = []
        for number in 0..<3000 {
            let id = Array(Self.id(number).utf8)
            keys.append(try #require(id.withUnsafeBytes { IDTable.key($0) }))
        }
        #expect(Set(keys).count == keys.count)
        var table = IDTable(events: keys.count)
        var model: [UInt64: IDTable.Counts] = [:]
        for key in keys {
            let isDue = Bool.random(using: &random)
            #expect(table.counts(of: key) == nil)
            let isNew = table.insert(key, sum: ~key, isDue: isDue)
            let isNewAgain = table.insert(key, sum: 1, isDue: true)
            #expect(isNew && !isNewAgain)
            model[key] = IDTable.Counts(isDue: isDue)
        }
        for _ in 0..<20_000 {
            let key = keys[Int.random(in: 0..<keys.count, using: &random)]
            let isReplayed = Bool.random(using: &random)
            let before = table.count(key, isReplayed: isReplayed)
            #expect(before == model[key], "seed \(seed)")
            if isReplayed { model[key]?.replayed += 1 } else { model[key]?.sent += 1 }
        }
        for (key, counts) in model {
            #expect(table.counts(of: key) == counts, "seed \(seed)")
            #expect(table.sum(of: key) == ~key)
        }
        for _ in 0..<70_000 { _ = table.count(keys[0], isReplayed: false) }
        #expect(table.counts(of: keys[0])?.sent == 0x7fff)
        #expect(table.counts(of: keys[0])?.replayed == model[keys[0]]?.replayed)
    }

    @Test(
        "what is no UUID has no key",
        arguments: ["", "019a0000", "019a0000-0000-7000-8000-00000000000g", "x"])
    func noKey(_ id: String) {
        #expect(Array(id.utf8).withUnsafeBytes { IDTable.key($0) } == nil)
    }
}
