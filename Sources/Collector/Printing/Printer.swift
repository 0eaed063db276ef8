internal import POSIX

/// Prints text on a thread of its own. A loop never waits for a terminal: when
/// the thread falls behind, texts are dropped, and their number is printed.
final class Printer: Sendable {
    private struct State {
        var waiting = ""
        var dropped = 0
        var isClosing = false
    }

    /// Bytes that may wait to be printed.
    static let waitingBytesMax = 1 << 20

    private let monitor = Monitor(State())
    private let thread: Thread

    /// Starts the thread.
    init(_ output: FileOutput) throws(SystemError) {
        let monitor = self.monitor
        thread = try Thread(name: "printer") { Self.run(monitor, output) }
    }

    /// Leaves a text to be printed. Any thread.
    func print(_ text: String) {
        monitor.withLock { state in
            if state.waiting.utf8.count + text.utf8.count > Self.waitingBytesMax {
                state.dropped += 1
            } else {
                state.waiting += text
            }
        }
        monitor.notify()
    }

    /// Prints what is left and ends the thread. Nothing may be printed afterwards.
    func close() {
        monitor.withLock { $0.isClosing = true }
        monitor.notify()
        thread.join()
    }

    private static func run(_ monitor: Monitor<State>, _ output: FileOutput) {
        while true {
            let taken = monitor.withLock(
                waitingFor: { !$0.waiting.isEmpty || $0.isClosing }, seconds: 3600
            ) { state in
                defer {
                    state.waiting = ""
                    state.dropped = 0
                }
                return state
            }
            let lost =
                taken.dropped > 0
                ? "(\(taken.dropped) requests were not printed: the output is too slow)\n" : ""
            // If nobody reads it any more, hits go on all the same.
            output.write(taken.waiting + lost)
            if taken.isClosing { return }
        }
    }
}
