internal import Glibc
internal import POSIX
internal import Yams

/// A configuration file: strict YAML, one mapping from keys to scalars or lists of scalars.
struct SettingsFile {
    typealias Problem = ConfigurationError.Problem

    /// A key with its values, and where it stands.
    struct Entry {
        let setting: Setting
        let values: [String]
        let source: SettingSource
    }

    /// What could be read, in the order of the file.
    private(set) var entries: [Entry] = []
    /// What could not. The rest of the file was read all the same.
    private(set) var problems: [Problem] = []

    /// The largest file that is read, in bytes.
    static let bytesMax = 1 << 20

    private let path: String

    /// Reads the file at `path`. Throws if it cannot be read, or is no YAML.
    init(readingFrom path: String) throws(ConfigurationError) {
        let bytes: [UInt8]
        do throws(SystemError) {
            bytes = try Self.bytes(of: path, atMost: Self.bytesMax + 1)
        } catch {
            throw ConfigurationError(
                source: .file(path: path, line: 1, column: 1), reason: error.reason)
        }
        try self.init(bytes, path: path)
    }

    /// Reads `bytes`, which stand in the file at `path`.
    init(_ bytes: [UInt8], path: String) throws(ConfigurationError) {
        self.path = path
        if bytes.count > Self.bytesMax {
            throw ConfigurationError(
                source: .file(path: path, line: 1, column: 1),
                reason: "has more than \(UnitValue.text(bytes: Self.bytesMax)): is this the file?")
        }
        // A byte order mark begins many files, and is no part of the text.
        let isMarked = bytes.starts(with: [0xef, 0xbb, 0xbf])
        let bytes = isMarked ? bytes[3...] : bytes[...]
        let text = String(decoding: bytes, as: UTF8.self)
        if let (line, column, reason) = Self.unreadable(
            text, isValid: text.utf8.count == bytes.count)
        {
            throw ConfigurationError(
                source: .file(path: path, line: line, column: column), reason: reason)
        }
        do {
            let parser = try Parser(yaml: text)
            // Nodes lose their anchors with their parser.
            try withExtendedLifetime(parser) {
                if let root = try parser.singleRoot() { read(root) }
            }
        } catch {
            throw syntaxError(error, text)
        }
    }

    private mutating func read(_ root: Node) {
        guard let mapping = root.mapping else {
            return problems.append(Problem(place(root), "expected 'key: value' lines"))
        }
        for (key, value) in mapping { read(key, value) }
    }

    private func place(_ node: Node) -> SettingSource {
        .file(path: path, line: node.mark?.line ?? 1, column: node.mark?.column ?? 1)
    }

    private mutating func read(_ key: Node, _ value: Node) {
        guard let name = key.scalar?.string, key.anchor == nil else {
            return problems.append(Problem(place(key), "expected a key"))
        }
        guard let setting = Setting.all.first(where: { $0.key == name }) else {
            return problems.append(Problem(place(key), Self.unknownKey(name)))
        }
        do throws(Setting.InvalidValue) {
            entries.append(
                Entry(
                    setting: setting, values: try Self.scalars(value, of: setting),
                    source: place(key)))
        } catch {
            problems.append(Problem(place(value), error.reason))
        }
    }

    private static func scalars(
        _ node: Node, of setting: Setting
    ) throws(Setting.InvalidValue) -> [String] {
        let expected =
            setting.isList
            ? "'\(setting.key)' takes a value or a list of values"
            : "'\(setting.key)' takes one value"
        let items: [Node]
        switch node {
        case .scalar: items = [node]
        case .sequence(let sequence) where setting.isList:
            items = Array(sequence)
            if sequence.anchor != nil { throw Setting.InvalidValue(reason: noAnchors) }
        default: throw Setting.InvalidValue(reason: expected)
        }
        var texts: [String] = []
        for item in items {
            guard let scalar = item.scalar, !isNothing(scalar) else {
                throw Setting.InvalidValue(reason: expected)
            }
            guard scalar.anchor == nil else { throw Setting.InvalidValue(reason: noAnchors) }
            texts.append(scalar.string)
        }
        return texts
    }

    private static let noAnchors = "an anchor (&name) has no meaning here: write the value itself"

    /// Whether it is YAML's null (its core schema, 10.3.2), or an empty text.
    private static func isNothing(_ scalar: Node.Scalar) -> Bool {
        scalar.string.isEmpty
            || (scalar.style == .plain && ["~", "null", "Null", "NULL"].contains(scalar.string))
    }

    private static func unknownKey(_ name: String) -> String {
        let hint = NearestWord.hint(name, among: Setting.all.lazy.map(\.key))
        return "unknown key '\(name)'"
            + (hint.isEmpty ? "; 'footfall check' without a file prints all keys" : hint)
    }

    // MARK: - What is no YAML

    /// The first place whose character no YAML file has (YAML 1.2, section 5.1).
    private static func unreadable(
        _ text: String, isValid: Bool
    ) -> (line: Int, column: Int, reason: String)? {
        var (line, column) = (1, 0)
        for scalar in text.unicodeScalars {
            column += 1
            switch scalar.value {
            case 0x0a: (line, column) = (line + 1, 0)
            case 0x09, 0x0d: break
            case 0..<0x20,
                0x7f..<0xa0 where scalar.value != 0x85:
                let digits = String(scalar.value, radix: 16)
                return (line, column, "a control character (0x\(digits)) has no place in YAML")
            case 0xfffd where !isValid: return (line, column, "not UTF-8")
            default: break
            }
        }
        return isValid ? nil : (1, 1, "not UTF-8")
    }

    private func syntaxError(_ error: any Error, _ text: String) -> ConfigurationError {
        var (line, column, reason) = (1, 1, "\(error)")
        switch error as? YamlError {
        case .composer(_, let problem, let mark, _) where problem.hasSuffix("another document"):
            (line, column) = (mark.line, mark.column)
            reason = "a second document begins here: a configuration is one"
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            (line, column, reason) = (mark.line, mark.column, problem)
        case .duplicatedKeysInMapping(let duplicates, let context):
            let key = duplicates.first ?? ""
            let first = context.mark
            (line, column) = (first.line, first.column)
            reason = "key '\(key)' is there twice"
            if let second = Self.line(of: key, after: first, in: text) {
                line = second
                reason += ", first in line \(first.line)"
            }
        default: break
        }
        return ConfigurationError(
            source: .file(path: path, line: line, column: column), reason: reason)
    }

    /// The next line that has a key at the same column; nil if it is not written so plainly.
    private static func line(of key: String, after first: Mark, in text: String) -> Int? {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        for (index, line) in lines.enumerated().dropFirst(first.line) {
            let rest = line.dropFirst(first.column - 1)
            guard line.prefix(first.column - 1).allSatisfy({ $0 == " " }), rest.hasPrefix(key),
                rest.dropFirst(key.count).drop(while: { $0 == " " }).hasPrefix(":")
            else { continue }
            return index + 1
        }
        return nil
    }

    /// The first `most` bytes of the file at `path`.
    static func bytes(of path: String, atMost most: Int) throws(SystemError) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw SystemError("open", path) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while bytes.count < most {
            let count = Glibc.read(descriptor, &chunk, min(chunk.count, most - bytes.count))
            guard count >= 0 else { throw SystemError("read", path) }
            if count == 0 { break }
            bytes.append(contentsOf: chunk[..<count])
        }
        return bytes
    }
}
