import Foundation
import Testing

@testable import Insight

/// What counts in bounded memory.
@Suite struct SketchTests {
    private static func hash(_ number: Int) -> UInt64 {
        Array("visitor \(number)".utf8).withUnsafeBytes { byteHash($0) }
    }

    @Test(
        "an estimate is as near as is said, for few and for many",
        arguments: [0, 1, 10, 1000, 5000, 20_000, 200_000])
    func estimate(_ count: Int) {
        var sketch = HyperLogLog()
        for number in 0..<count {
            for _ in 0..<2 { sketch.insert(Self.hash(number)) }
        }
        let error = abs(sketch.estimate - Double(count))
        #expect(error <= 4 * HyperLogLog.standardError * Double(count), "\(sketch.estimate)")
    }

    @Test("visitors are exact up to the bound, and an estimate with its error beyond it")
    func bound() {
        var counter = VisitorCounter()
        for number in 0..<1000 {
            counter.add(Self.hash(number), isNew: number % 4 == 0, exactMax: 1000)
            counter.add(Self.hash(number), isNew: false, exactMax: 1000)
        }
        #expect(
            counter.count
                == Report.Visitors(all: 1000, new: 250, returning: 750, standardError: 0))
        for number in 1000..<4000 {
            for _ in 0..<3 { counter.add(Self.hash(number), isNew: true, exactMax: 1000) }
        }
        let count = counter.count
        #expect(count.standardError == HyperLogLog.standardError)
        #expect(abs(count.all - 4000) < 300)
        #expect(count.new == 3250)
        #expect(count.returning == max(0, count.all - 3250))
    }

    @Test("with too many values the frequent ones stay, and lack no more than is said")
    func pruned() {
        var table = GroupTable(groupsMax: 64)
        var batch = HitBatch(dimensions: 1)
        func add(_ value: String) {
            batch.append(value, visitor: nil)
            if batch.isFull { table.add(&batch) }
        }
        var hits = ["a": 0, "b": 0]
        for number in 0..<5000 {
            // One that is there from the start, and one that comes late.
            for (value, isThere) in [("a", true), ("b", number > 2500)] where isThere {
                add(value)
                hits[value, default: 0] += 1
            }
            add("rare \(number)")
        }
        table.add(&batch)
        let rows = table.rows(top: 2, inOrder: false)
        #expect(rows.map(\.value) == ["a", "b"])
        #expect(table.count <= 64)
        #expect(table.missingMax > 0)
        for row in rows {
            let lacking = (hits[row.value] ?? 0) - row.hits
            #expect((0...table.missingMax).contains(lacking), "\(row.value)")
        }
        let counted = table.rows(top: .max, inOrder: false).reduce(0) { $0 + $1.hits }
        #expect(counted + table.cutHits == 5000 + 5000 + 2499)
    }

    @Test("with too many bytes counts become estimates, and rare values go, whatever comes")
    func bytes() {
        var table = GroupTable(groupsMax: 1 << 12, bytesMax: 100_000)
        var batch = HitBatch(dimensions: 1)
        for number in 0..<20_000 {
            let value = number % 2 == 0 ? "often" : "value \(number % 5000)"
            batch.append(value, visitor: Self.hash(number))
            if batch.isFull { table.add(&batch) }
        }
        table.add(&batch)
        let first = table.rows(top: 1, inOrder: false)
        #expect(first.map(\.value) == ["often"])
        #expect(first.map(\.hits) == [10_000])
        #expect(first.allSatisfy { abs($0.visitors.all - 10_000) < 650 })
        #expect(first.allSatisfy { $0.visitors.standardError > 0 })
        #expect(table.count < 2500)
        #expect(table.cutHits > 0)
    }
}

extension HitBatch {
    fileprivate mutating func append(_ value: String, visitor: UInt64?) {
        Array(value.utf8).withUnsafeBytes { append($0) }
        hits.append(Hit(identifier: nil, time: 0, visitor: visitor, isNew: false, hour: 0))
    }
}

extension GroupTable {
    fileprivate mutating func add(_ batch: inout HitBatch) {
        add(batch, dimension: 0)
        batch.removeAll()
    }
}
