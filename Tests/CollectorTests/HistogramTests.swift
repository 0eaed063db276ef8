import Measuring
import TestSupport
import Testing

/// What counts durations and sizes.
@Suite struct HistogramTests {
    @Test("each duration is in the first bucket whose bound it does not exceed")
    func durations() {
        let bounds = DurationHistogram.bounds
        #expect(zip(bounds, bounds.dropFirst()).allSatisfy { $0 < $1 })
        for (index, bound) in bounds.enumerated() {
            for (seconds, isWithin) in [(bound, true), (bound.nextUp, false), (bound * 0.99, true)]
            {
                var histogram = DurationHistogram()
                histogram.observe(seconds)
                #expect(histogram.count(upTo: bound) == (isWithin ? 1 : 0))
                #expect(index == 0 || histogram.count(upTo: bounds[index - 1]) == 0)
                #expect(histogram.count == 1)
            }
        }
    }

    @Test("quantiles are those of the sorted durations, rounded up to a bound")
    func quantiles() {
        let seed = SeededRandom.newSeed()
        var random = SeededRandom(seed: seed)
        var histogram = DurationHistogram()
        #expect(histogram.quantile(0.5) == nil)
        var all: [Double] = []
        for _ in 0..<1000 {
            let seconds = 1e-6 * Double.random(in: 1...1e6, using: &random)
            histogram.observe(seconds)
            all.append(seconds)
        }
        all.sort()
        for part in [0, 0.001, 0.5, 0.99, 1] {
            let exact = all[max(0, Int((part * 1000).rounded(.up)) - 1)]
            let bound = DurationHistogram.bounds.first { $0 >= exact }
            #expect(histogram.quantile(part) == bound, "seed \(seed)")
        }
        histogram.observe(100, count: 9)
        #expect(histogram.quantile(1) == 10)
    }

    @Test("histograms add up, and differ by what was counted between")
    func sums() {
        var one = DurationHistogram()
        one.observe(0.001, count: 3)
        let earlier = one
        one.observe(0.5)
        let later = one.since(earlier)
        #expect((later.count, later.sum) == (1, 0.5))
        var both = earlier
        both += later
        #expect(both.count == one.count)
        #expect(both.sum == one.sum)

        var sizes = SizeHistogram()
        for size: UInt64 in [1, 2, 3, 4, 5, 65_536, 65_537, 1 << 40] { sizes.observe(size) }
        #expect(sizes.count(upTo: 1) == 1)
        #expect(sizes.count(upTo: 2) == 2)
        #expect(sizes.count(upTo: 4) == 4)
        #expect(sizes.count(upTo: 8) == 5)
        #expect(sizes.count(upTo: 65_536) == 6)
        #expect(sizes.count == 8)
        let before = sizes
        sizes += before
        #expect(sizes.count == 16)
    }
}
