import Testing

@testable import Tracking

@Suite struct UUIDTests {
    @Test("version 4 keeps its bits and says its version and variant")
    func version4() {
        #expect(
            UUID.version4(random: (.max, .max)).description
                == "ffffffff-ffff-4fff-bfff-ffffffffffff")
        #expect(
            UUID.version4(random: (0, 0)).description == "00000000-0000-4000-8000-000000000000")
    }

    @Test("version 7 begins with the time, to the microsecond")
    func version7() {
        // RFC 9562, appendix A.6: 2022-02-22T19:22:22Z is 017f22e2-79b0.
        let time = Timestamp(microseconds: 1_645_557_742_000_000)
        #expect(
            UUID.version7(time: time, random: 0).description
                == "017f22e2-79b0-7000-8000-000000000000")
        let texts = (0..<2000).map { step in
            UUID.version7(
                time: Timestamp(microseconds: time.microseconds + Int64(step)), random: .max
            ).description
        }
        #expect(texts == texts.sorted())
        #expect(Set(texts).count == texts.count)
    }

    @Test("the text form is read again")
    func readsItself() {
        let id = UUID.version4(random: (0x1234_5678_9abc_def0, 0x0fed_cba9_8765_4321))
        #expect(UUID(text: Array(id.description.utf8).span) == id)
        #expect(UUID(text: Array(id.description.uppercased().utf8).span) == id)
    }
}

@Suite struct TimestampTests {
    @Test(
        "a moment is written in RFC 3339",
        arguments: [
            (Int64(0), "1970-01-01T00:00:00.000000Z"),
            (951_782_399_999_999, "2000-02-28T23:59:59.999999Z"),
            (951_782_400_000_000, "2000-02-29T00:00:00.000000Z"),
            (1_709_251_199_000_001, "2024-02-29T23:59:59.000001Z"),
            (1_735_689_599_123_456, "2024-12-31T23:59:59.123456Z"),
            (4_107_542_400_000_000, "2100-03-01T00:00:00.000000Z"),
            (Int64.max, "9999-12-31T23:59:59.999999Z"),
            (-1, "1970-01-01T00:00:00.000000Z"),
        ])
    func writes(_ microseconds: Int64, _ text: String) {
        #expect(Timestamp(microseconds: microseconds).description == text)
    }
}
