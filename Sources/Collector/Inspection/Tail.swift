internal import EventLog
internal import FoundationEssentials
internal import Glibc
internal import POSIX
internal import Tracking

/// Prints the events of a log, as `footfall tail` does.
public enum Tail {
    /// How an event is printed.
    public enum Format: String, CaseIterable, Sendable {
        /// A line for people.
        case text
        /// The line as the log has it.
        case json
    }

    /// Seconds between two looks at a log that is being followed.
    private static let pollSeconds = 0.1

    /// Prints the log in `directory` from event `sequence` on: of what is there only the `last`
    /// events if a number is given, and then what is added, until the process ends, if it is to
    /// `follow`.
    public static func run(
        directory: String, from sequence: UInt64, last: Int?, follow: Bool, format: Format
    ) throws(InspectionError) {
        try InspectionError.requireLog(in: directory)
        var reader = LogReader(directory: directory, from: sequence)
        var output = Output()
        do throws(SystemError) {
            try printExisting(&reader, last: last, format, &output)
            while follow {
                usleep(UInt32(pollSeconds * 1e6))
                try reader.read { output.add(line($0, $1, format)) }
                output.flush()
            }
        } catch {
            throw InspectionError(description: "\(error)")
        }
    }

    private static func printExisting(
        _ reader: inout LogReader, last: Int?, _ format: Format, _ output: inout Output
    ) throws(SystemError) {
        guard let last else {
            try reader.read { output.add(line($0, $1, format)) }
            return output.flush()
        }
        // A ring of the lines that may turn out to be the last ones.
        var lines: [String] = []
        var oldest = 0
        try reader.read { sequence, bytes in
            let text = line(sequence, bytes, format)
            if lines.count < last {
                lines.append(text)
            } else if last > 0 {
                lines[oldest] = text
                oldest = (oldest + 1) % last
            }
        }
        for index in lines.indices { output.add(lines[(oldest + index) % lines.count]) }
        output.flush()
    }

    private static func line(
        _ sequence: UInt64, _ bytes: UnsafeRawBufferPointer, _ format: Format
    ) -> String {
        switch format {
        case .json: String(decoding: bytes, as: UTF8.self) + "\n"
        case .text: EventText(bytes).map { "\($0)\n" } ?? "event \(sequence) cannot be read\n"
        }
    }
}

/// Lines for standard output, written in large pieces.
private struct Output {
    private static let bytesMax = 64 << 10
    private var text = ""

    mutating func add(_ line: String) {
        text += line
        if text.utf8.count >= Self.bytesMax { flush() }
    }

    mutating func flush() {
        // Whoever read it has gone: there is nothing left to do.
        if !FileOutput.standardOutput.write(text) { exit(EXIT_SUCCESS) }
        text = ""
    }
}

/// An event as a line for people.
private struct EventText: CustomStringConvertible {
    private struct Fields: Decodable {
        let seq: UInt64
        let time: String
        let path: String
        let query: String?
        let params: [String: String]?
        let visitor: String?
    }

    let description: String

    /// Nil if the line is not an event of this version.
    init?(_ line: UnsafeRawBufferPointer) {
        guard let fields = try? JSONDecoder().decode(Fields.self, from: Data(line)) else {
            return nil
        }
        let visitor = fields.visitor.map { "User \($0)" } ?? "Somebody"
        let deed =
            if let search = fields.params?["s"] {
                "searched for: \(search)"
            } else {
                "loaded \(fields.path)\(fields.query.map { "?\($0)" } ?? "")"
            }
        description = TerminalText.escaped("\(fields.seq)  \(fields.time)  \(visitor) \(deed)".utf8)
    }
}
