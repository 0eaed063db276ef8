/// When the requests of one thread are to be sent.
struct Schedule: Sendable {
    /// Monotonic nanoseconds.
    let start: Int64
    /// Between two requests of this thread.
    let spacing: Double
    /// Which requests of the whole run are this thread's.
    let phase: Double

    /// From here on a sending counts as behind schedule.
    static let lateNanoseconds: Int64 = 1_000_000
    /// From here on the tester is to blame if connections were free: more than the pauses that any
    /// busy machine imposes.
    static let ownLateNanoseconds: Int64 = 10_000_000

    /// The part of thread number `thread` in a constant rate of all threads.
    init(start: Int64, rate: Double, thread: Int, of threads: Int) {
        self.start = start
        spacing = Double(threads) * 1e9 / rate
        phase = Double(thread) * 1e9 / rate
    }

    /// When a request is to be sent.
    func time(of request: Int) -> Int64 {
        start + Int64(phase + Double(request) * spacing)
    }
}
