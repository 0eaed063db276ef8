import Foundation
import TestSupport
import Testing

@testable import EventLog

/// Random histories of a log on a disk that fails and loses its power.
@Suite struct ModelTests {
    /// Histories in a run; `make test-crash` sets more.
    private static let histories =
        ProcessInfo.processInfo.environment["FOOTFALL_HISTORIES"].flatMap { Int($0) } ?? 2000
    /// A single history that is to be seen again, step by step.
    private static let replay =
        ProcessInfo.processInfo.environment["FOOTFALL_HISTORY"].flatMap { UInt64($0) }

    @Test("whatever happens to disk and power, what was promised is there, once and in order")
    func histories() throws {
        if let replay = Self.replay { return try run(replay, isTraced: true) }
        let seed = SeededRandom.newSeed()
        print("\(Self.histories) histories from seed \(seed)")
        var coverage: [String: Int] = [:]
        for number in 0..<Self.histories {
            try run(seed &+ UInt64(number), isTraced: false, &coverage)
        }
        print(
            coverage.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(
                separator: ", "))
        for name in [
            "accepting again", "appended during a sync", "closed", "compressed", "deleted",
            "interrupted start", "killed", "lost", "moved aside", "power cut", "refused", "rotten",
            "took over",
        ] {
            #expect(coverage[name, default: 0] > 0, "\(name) never came about")
        }
    }

    private func run(_ seed: UInt64, isTraced: Bool) throws {
        var coverage: [String: Int] = [:]
        try run(seed, isTraced: isTraced, &coverage)
    }

    private func run(_ seed: UInt64, isTraced: Bool, _ coverage: inout [String: Int]) throws {
        var random = RandomHistory(seed: seed)
        do {
            try random.run(steps: 40)
            if isTraced { print(random.history.trace.joined(separator: "\n")) }
        } catch {
            print(random.history.trace.joined(separator: "\n"))
            Issue.record("\(error); FOOTFALL_HISTORY=\(seed) shows it again")
            throw error
        }
        coverage.merge(random.history.coverage) { $0 + $1 }
        coverage["interrupted start", default: 0] += random.interruptedStarts
    }
}

/// Steps that a seed chooses.
private struct RandomHistory {
    let history: LogHistory
    private(set) var interruptedStarts = 0
    private var random: SeededRandom
    private var lines = 0

    init(seed: UInt64) {
        random = SeededRandom(seed: seed)
        history = LogHistory(seed: random.next())
        history.options.durability = chance(1, in: 3) ? .interval(seconds: 1) : .commit
        history.options.segmentBytesMax = Int.random(in: 300...6000, using: &random)
        history.options.segmentSecondsMax = 10
        history.note(
            "\(history.options.durability), segments of \(history.options.segmentBytesMax) bytes")
    }

    private mutating func chance(_ part: UInt64, in whole: UInt64) -> Bool {
        random.next() % whole < part
    }

    mutating func run(steps: Int) throws {
        try history.open()
        for _ in 0..<steps { try step() }
        history.disk.heal()
        if history.disk.isCut { try restart(.anything) }
        if chance(1, in: 2) { try history.close() } else { history.endProcess(nil) }
        try history.rot(&random)
        try history.open()
        try LogModel.require(
            history.disk.violations.isEmpty, "\(history.disk.violations)")
    }

    private mutating func step() throws {
        switch random.next() % 100 {
        case 0..<40: try history.append(makeLines())
        case 40..<64: try history.work(meanwhile: chance(1, in: 3) ? makeLines() : [])
        case 64..<67:
            history.note("time passes")
            history.disk.pass(seconds: 11)
        case 67..<71: try history.compress(&random)
        case 71..<73: try history.deleteOldest()
        case 73..<79: try history.read()
        case 79..<86: arm()
        case 86..<89:
            history.note("heal")
            history.disk.heal()
        case 89..<92:
            history.disk.heal()
            try history.close()
            try history.open()
        case 92..<94: try restart(nil)
        default: try restart(loss())
        }
        // A process without power is dead.
        if history.disk.isCut { try restart(loss()) }
    }

    private mutating func loss() -> SimulatedDisk.Loss {
        SimulatedDisk.Loss.allCases.randomElement(using: &random) ?? .anything
    }

    private mutating func makeLines() -> [String] {
        let longest = chance(1, in: 4) ? 1400 : 90
        return (0..<Int.random(in: 1...4, using: &random)).map { _ in
            lines += 1
            let filler = Int.random(in: 0...longest, using: &random)
            return "t\(lines)-" + String(repeating: "x", count: filler)
        }
    }

    private mutating func arm() {
        let code = [EIO, ENOSPC, EINTR, EROFS, EMFILE].randomElement(using: &random) ?? EIO
        let fault: SimulatedDisk.Fault =
            switch random.next() % 8 {
            case 0...1: .powerCut
            case 2: .short
            case 3...5: .once(code)
            default: .lasting(code == EINTR ? EIO : code)
            }
        // Half of them where it hurts most.
        let kinds: [SimulatedDisk.Call] =
            chance(1, in: 2)
            ? SimulatedDisk.Call.allCases : [.append, .sync, .syncDirectory, .rename, .open]
        let calls = Int.random(in: 0...25, using: &random)
        history.note("arm \(fault) after \(calls) of \(kinds.count) kinds of calls")
        history.disk.arm(fault, after: calls, among: kinds)
    }

    /// Ends the process, by a signal or with the power, and starts it again, which may be
    /// interrupted too.
    private mutating func restart(_ loss: SimulatedDisk.Loss?) throws {
        history.disk.heal()
        history.endProcess(loss)
        while chance(1, in: 3) {
            arm()
            if history.tryOpen() { history.note("opened all the same") }
            interruptedStarts += 1
            history.disk.heal()
            history.endProcess(history.disk.isCut ? self.loss() : nil)
        }
        history.disk.heal()
        try history.open()
    }
}
