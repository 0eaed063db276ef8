import Glibc
import POSIX
import TestSupport
import Testing

@testable import EventLog

/// Every call to the disk fails once, and from then on, with every error.
@Suite struct FaultTests {
    /// Something that a log does. It goes on whatever fails.
    struct Workload: Sendable, CustomTestStringConvertible {
        let testDescription: String
        var durability = Durability.commit
        let run: @Sendable (LogHistory) throws -> Void
    }

    private static let long = String(repeating: "x", count: 500)

    static let workloads: [Workload] = [
        Workload(testDescription: "writes and commits") { history in
            for number in 0..<3 {
                try history.append(["a\(number)-", "b\(number)-\(long)"])
                try history.work()
            }
        },
        Workload(testDescription: "appends during a sync, over the end of a segment") { history in
            try history.append(["a-\(long)"])
            for number in 0..<3 { try history.work(meanwhile: ["b\(number)-\(long)\(long)"]) }
            try history.work()
        },
        Workload(testDescription: "several segments in one sync") { history in
            for number in 0..<4 { try history.append(["a\(number)-\(long)\(long)"]) }
            try history.work()
        },
        Workload(testDescription: "interval", durability: .interval(seconds: 1)) { history in
            try history.append(["a-"])
            try history.work()
            for number in 0..<4 { try history.append(["b\(number)-\(long)"]) }
            try history.work()
        },
        Workload(testDescription: "the end of a segment's time, and a compression") { history in
            var random = SeededRandom(seed: 1)
            try history.append(["a-\(long)"])
            try history.work()
            history.disk.pass(seconds: 11)
            try history.work()
            try history.append(["b-\(long)"])
            try history.compress(&random)
            try history.work()
        },
        Workload(testDescription: "a start after the end of a process") { history in
            try history.append(["a-\(long)"])
            try history.work()
            try history.append(["b-\(long)", "c-"])
            history.endProcess(nil)
            try history.openInTheEnd()
            try history.append(["d-"])
            try history.work()
        },
        Workload(testDescription: "a start after a power loss that tore the last write") {
            history in
            try history.append(["a-\(long)"])
            try history.work()
            try history.append(["b-\(long)", "c-\(long)"])
            history.endProcess(.anything)
            try history.openInTheEnd()
        },
        Workload(testDescription: "a clean stop and a start") { history in
            try history.append(["a-\(long)"])
            try history.work()
            history.writer?.beginClosing()
            while history.writer?.work() == true {}
            try history.work()
            history.endProcess(nil)
            try history.openInTheEnd()
        },
    ]

    private func history(_ workload: Workload) -> LogHistory {
        let history = LogHistory(seed: 1)
        history.options.durability = workload.durability
        history.options.segmentBytesMax = 1500
        history.options.segmentSecondsMax = 10
        history.checksDurability = true
        return history
    }

    @Test(
        "whichever call fails, nothing promised is lost, and the log recovers by itself",
        arguments: workloads)
    func everyCall(_ workload: Workload) throws {
        let sound = history(workload)
        try sound.open()
        let start = sound.disk.calls
        try workload.run(sound)
        let calls = sound.disk.calls - start
        #expect(calls > 20)
        let faults: [SimulatedDisk.Fault] =
            [EIO, ENOSPC, EINTR, EROFS, EMFILE, EACCES].map { .once($0) }
            + [.lasting(EIO), .lasting(ENOSPC), .short, .powerCut]
        for fault in faults {
            for call in 0..<calls {
                let history = history(workload)
                do {
                    try run(workload, on: history, fault, after: call)
                } catch {
                    print(history.trace.joined(separator: "\n"))
                    Issue.record("\(fault) after \(call) calls: \(error)")
                    return
                }
            }
        }
    }

    private func run(
        _ workload: Workload, on history: LogHistory, _ fault: SimulatedDisk.Fault, after calls: Int
    ) throws {
        try history.open()
        history.disk.arm(fault, after: calls)
        try workload.run(history)
        history.disk.heal()
        if history.disk.isCut {
            history.endProcess(.everything)
            try history.open()
        }
        // The disk works again, and so has the log.
        try history.work()
        try history.append(["new-"])
        try history.work()
        history.endProcess(.everything)
        try history.open()
        try LogModel.require(history.disk.violations.isEmpty, "\(history.disk.violations)")
    }

    @Test("after a failed sync the held lines go to a new segment, under their old sequences")
    func takeOver() throws {
        let history = history(Self.workloads[0])
        try history.open()
        try history.append(["a-", "b-"])
        try history.work()
        try history.append(["c-", "d-"])
        history.disk.arm(.once(EIO), after: 0, among: [.sync])
        try history.work()
        #expect(history.model.acknowledged.count == 2)
        try history.append(["e-"])
        try history.work()
        #expect(history.model.acknowledged.count == 5)
        let events = history.log.events
        #expect(
            history.disk.paths.filter { $0.hasPrefix(events) } == [
                "\(events)/\(segment(1))", "\(events)/\(segment(3, open: true))",
            ])
        let taken = history.disk.bytes("\(events)/\(segment(3, open: true))")
        let lines = String(decoding: taken, as: UTF8.self).split(separator: "\n")
        #expect(lines.map { StoredText(String($0)).text } == ["c-", "d-", "e-"])
        #expect(lines.map { $0.contains(#""seq":3"#) } == [true, false, false])
        // What the first one holds beyond its last sync is cut.
        let left = String(
            decoding: history.disk.bytes("\(events)/\(segment(1))"), as: UTF8.self)
        #expect(left.split(separator: "\n").map { StoredText(String($0)).text } == ["a-", "b-"])
        #expect(history.disk.violations == [])
    }

    @Test("if the take-over fails too, hits are refused until the disk works again")
    func refuses() throws {
        let history = history(Self.workloads[0])
        try history.open()
        try history.append(["a-"])
        try history.work()
        try history.append(["b-"])
        history.disk.arm(.lasting(EIO), after: 0, among: [.sync])
        try history.work()
        try history.work()
        #expect(history.coverage["lost"] == 1)
        #expect(history.writer?.refusal != nil)
        try history.append(["c-"])
        #expect(history.coverage["refused"] == 1)
        history.disk.heal()
        try history.work()
        #expect(history.writer?.refusal == nil)
        try history.append(["d-"])
        try history.work()
        #expect(history.model.acknowledged == [1: "a-", 2: "d-"])
        #expect(history.disk.violations == [])
    }

    @Test("a disk that is full to its last byte leaves no half line behind")
    func full() throws {
        let history = history(Self.workloads[0])
        history.options.segmentBytesMax = 1 << 20
        try history.open()
        // Nobody has noticed that there is little room.
        history.disk.arm(.lasting(EIO), after: 0, among: [.freeSpace])
        history.disk.limit(bytes: 4000)
        var number = 0
        while history.coverage["lost"] == nil {
            number += 1
            try history.append(["a\(number)-\(Self.long)"])
            try history.work()
            try #require(number < 100)
        }
        history.disk.heal()
        history.disk.limit(bytes: 1 << 20)
        try history.work()
        try history.append(["new-"])
        try history.work()
        for path in history.disk.paths where path.hasPrefix(history.log.events) {
            let bytes = history.disk.bytes(path)
            #expect(bytes.isEmpty || bytes.last == 0x0a, "\(path)")
            for line in bytes.split(separator: 0x0a) {
                guard case .valid = line.withUnsafeBytes({ LineProof.check($0) }) else {
                    Issue.record("half a line in \(path)")
                    continue
                }
            }
        }
        try history.verify()
    }
}
