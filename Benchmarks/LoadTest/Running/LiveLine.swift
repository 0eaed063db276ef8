import Glibc
import POSIX

/// A line each second on standard error: it overwrites itself on a terminal.
struct LiveLine {
    private let isTerminal = isatty(STDERR_FILENO) == 1
    private let isQuiet: Bool

    init(isQuiet: Bool) {
        self.isQuiet = isQuiet
    }

    /// Shows a second.
    func show(_ second: SecondResult) {
        let text = [
            "\(NumberText.fixed(second.to, 0)) s".right(6),
            "\(NumberText.grouped(Int(second.hitsPerSecond))) hits/s".right(16),
            "p50 \(NumberText.latency(Double(second.p50)))".right(13),
            "p99 \(NumberText.latency(Double(second.p99)))".right(13),
            NumberText.counted(second.errors, "error").right(10),
            NumberText.counted(second.openConnections, "connection").right(15),
        ].joined(separator: "  ")
        say(isTerminal ? "\r\u{1b}[K\(text)" : text + "\n")
    }

    /// Says a sentence.
    func note(_ text: String) {
        say(isTerminal ? "\r\u{1b}[K\(text)\n" : text + "\n")
    }

    /// Leaves the terminal as it was.
    func end() {
        if isTerminal { say("\r\u{1b}[K") }
    }

    private func say(_ text: String) {
        if !isQuiet { FileOutput.standardError.write(text) }
    }
}
