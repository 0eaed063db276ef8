import Testing

@testable import EventLog

@Suite struct GatheringTests {
    @Test(
        "a sync waits for others if the last one was for many, and never for long",
        arguments: [
            (0 as UInt64, 0.25e-3, 0.0), (1, 0.25e-3, 0), (7, 5.0, 0), (8, 0.2e-3, 0.1e-3),
            (500, 1e-3, 0.5e-3), (500, 0.1, 1e-3),
        ])
    func seconds(_ lines: UInt64, _ syncSeconds: Double, _ expected: Double) {
        var gathering = Gathering()
        #expect(gathering.seconds == 0)
        gathering.note(lines: lines, seconds: syncSeconds)
        #expect(gathering.seconds == expected)
        gathering.note(lines: 1, seconds: syncSeconds)
        #expect(gathering.seconds == 0)
    }
}
