package import EventLog
internal import Glibc
package import POSIX

/// `DATA/rejected/<sink>.ndjson`: the events that a sink will never take, each with the reason. One
/// line of JSON each: `{"seq":7,"reason":"…","event":{…}}`, the event as the log has it.
///
/// A line is synced before the checkpoint passes its event. After a crash in between it is there
/// twice.
package struct RejectedFile {
    private let log: LogDirectory
    private let path: String
    /// Where the last whole line ends; nil before the first look.
    private var size: Int?

    /// That of `sink`.
    package init(_ sink: String, in log: LogDirectory) {
        self.log = log
        path = "\(Self.directory(log))/\(sink).ndjson"
    }

    private static func directory(_ log: LogDirectory) -> String { log.path + "/rejected" }

    /// The line for an event.
    static func line(_ sequence: UInt64, reason: String, _ event: [UInt8]) -> [UInt8] {
        var text = ""
        for scalar in reason.unicodeScalars {
            switch scalar {
            case "\"", "\\": text += "\\\(scalar)"
            case _ where scalar.value < 0x20: text += " "
            default: text.unicodeScalars.append(scalar)
            }
        }
        return Array(#"{"seq":\#(sequence),"reason":"\#(text)","event":"#.utf8) + event
            + Array("}\n".utf8)
    }

    /// Appends whole lines, which then survive a power loss. After an error none of them counts, and
    /// the next call writes in their place.
    mutating func append(_ lines: [UInt8]) throws(SystemError) {
        let disk = log.disk
        try disk.makeDirectories(Self.directory(log))
        if size == nil { size = try wholeBytes() }
        let end = size ?? 0
        let file = try disk.open(path, .changingOrNew)
        defer { disk.close(file) }
        // What an interrupted append has left.
        try disk.truncate(file, to: end)
        try lines.withUnsafeBufferPointer { buffer throws(SystemError) in
            let bytes = UnsafeRawBufferPointer(buffer)
            var written = 0
            while written < bytes.count {
                let rest = UnsafeRawBufferPointer(rebasing: bytes[written...])
                written += try disk.retrying { () throws(SystemError) in
                    try disk.overwrite(rest, in: file, at: end + written)
                }
            }
        }
        try disk.sync(file)
        try disk.syncDirectory(Self.directory(log))
        size = end + lines.count
    }

    private func wholeBytes() throws(SystemError) -> Int {
        var end = 0
        try forEachPiece { piece, offset throws(SystemError) in
            if let last = piece.lastIndex(of: 0x0a) { end = offset + last + 1 }
        }
        return end
    }

    private func forEachPiece(
        _ body: (UnsafeRawBufferPointer, Int) throws(SystemError) -> Void
    ) throws(SystemError) {
        guard try log.disk.exists(path) else { return }
        let bytes = try log.disk.status(path).bytes
        try log.disk.forEachPiece(of: path, in: 0..<bytes, body)
    }

    /// The sequences of the events in it, in the order of the file.
    package func sequences() throws(SystemError) -> [UInt64] {
        let key = Array(#"{"seq":"#.utf8)
        var sequences: [UInt64] = []
        // The beginning of a line, as far as it tells.
        var start: [UInt8] = []
        try forEachPiece { piece, _ throws(SystemError) in
            for byte in piece {
                if byte == 0x0a {
                    let digits = start.dropFirst(key.count).prefix { (0x30...0x39).contains($0) }
                    if start.starts(with: key),
                        let sequence = UInt64(String(decoding: digits, as: UTF8.self))
                    {
                        sequences.append(sequence)
                    }
                    start.removeAll(keepingCapacity: true)
                } else if start.count < key.count + 21 {
                    start.append(byte)
                }
            }
        }
        return sequences
    }
}
