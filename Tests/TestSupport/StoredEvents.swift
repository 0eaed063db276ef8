import Foundation

/// An event as a reader of the log sees it: plain JSON lines, read without any code of Footfall.
public struct StoredEvent {
    /// The line.
    public let line: String
    private let object: [String: Any]

    /// Every event in the segments of a data directory, in the order of the file names.
    public static func all(in data: String) throws -> [StoredEvent] {
        let directory = data + "/events"
        let names = try FileManager.default.contentsOfDirectory(atPath: directory).sorted()
        var events: [StoredEvent] = []
        for name in names {
            let text = try String(contentsOfFile: "\(directory)/\(name)", encoding: .utf8)
            for line in text.split(separator: "\n") { events.append(try StoredEvent(String(line))) }
        }
        return events
    }

    /// Reads a line.
    public init(_ line: String) throws {
        self.line = line
        let value = try JSONSerialization.jsonObject(with: Data(line.utf8))
        guard let object = value as? [String: Any] else { throw CocoaError(.coderInvalidValue) }
        self.object = object
    }

    /// The text of a key.
    public subscript(key: String) -> String? { object[key] as? String }
    /// The keys.
    public var keys: Set<String> { Set(object.keys) }
    /// The decoded parameters.
    public var params: [String: String] { object["params"] as? [String: String] ?? [:] }
    /// The sequence.
    public var sequence: Int { object["seq"] as? Int ?? -1 }
    /// Whether the visitor came without an identifier.
    public var isNewVisitor: Bool? { object["new_visitor"] as? Bool }
}

// Nobody changes what JSONSerialization made.
extension StoredEvent: @unchecked Sendable {}
