/// Whether a result says more about the tester than about the server.
enum Bottleneck {
    /// In closed mode a thread that computes for this part of its time could not have sent more.
    static let busyMax = 0.98
    /// Seconds that a run in closed mode lasts at least before its threads can be called busy: a shorter one
    /// spends much of its time on connecting, and measures no throughput.
    static let closedRunMin = 1.0
    /// The part of the sendings that may be late although a connection was free.
    static let lateMax = 0.01

    /// Why the tester was the bottleneck; nil if it was not.
    static func reason(
        sent: Int, lateThroughTester: Int, behindSchedule: Int, busy: Double, seconds: Double,
        hasSchedule: Bool
    ) -> String? {
        let isBusy = busy >= busyMax
        guard hasSchedule else {
            return isBusy && seconds >= closedRunMin
                ? "a thread of the tester was busy all the time; use more (-t)" : nil
        }
        let late = Double(lateThroughTester) / Double(max(1, sent))
        if late > lateMax {
            return
                "\(lateThroughTester) of \(sent) requests were sent over 10 ms late though a "
                + "connection was free"
        }
        if isBusy, Double(behindSchedule) / Double(max(1, sent)) > lateMax {
            return "a thread of the tester was busy all the time and \(behindSchedule) of \(sent) "
                + "requests were sent late; use more threads (-t)"
        }
        return nil
    }
}
