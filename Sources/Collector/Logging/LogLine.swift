internal import Logging
internal import Tracking

/// A message for the operator as one line. Whatever it is made of, no character of it does anything
/// to a terminal or begins another line.
struct LogLine {
    let time: Timestamp
    let level: Logger.Level
    let label: String
    let message: String
    let metadata: Logger.Metadata

    /// The line with its end.
    func text(_ format: LogFormat) -> String {
        switch format {
        case .json: "{\(members.joined(separator: ","))}\n"
        case .journald: "<\(priority)>\(words)\n"
        case .text, .auto: "\(time) \(level): \(words)\n"
        }
    }

    /// The message and the metadata.
    private var words: String {
        var words = TerminalText.escaped(message.utf8)
        for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
            let text = TerminalText.escaped("\(value)".utf8)
            let isPlain = !text.isEmpty && !text.contains { $0 == " " || $0 == "\"" || $0 == "=" }
            words += " \(TerminalText.escaped(key.utf8))=\(isPlain ? text : JSONText.string(text))"
        }
        return words
    }

    /// The priority of syslog(3).
    private var priority: Int {
        switch level {
        case .trace, .debug: 7
        case .info: 6
        case .notice: 5
        case .warning: 4
        case .error: 3
        case .critical: 2
        }
    }

    private var members: [String] {
        var members = [
            "\"time\":\"\(time)\"", "\"level\":\"\(level)\"",
            "\"message\":\(TerminalText.json(message))", "\"label\":\(TerminalText.json(label))",
        ]
        if !metadata.isEmpty { members.append("\"metadata\":\(Self.json(.dictionary(metadata)))") }
        return members
    }

    private static func json(_ value: Logger.MetadataValue) -> String {
        switch value {
        case .string(let text): return TerminalText.json(text)
        case .stringConvertible(let other): return TerminalText.json("\(other)")
        case .array(let values): return "[\(values.map(json).joined(separator: ","))]"
        case .dictionary(let pairs):
            let members = pairs.sorted { $0.key < $1.key }
                .map { "\(TerminalText.json($0.key)):\(json($0.value))" }
            return "{\(members.joined(separator: ","))}"
        }
    }
}
