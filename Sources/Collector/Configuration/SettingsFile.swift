internal import Glibc
internal import POSIX
internal import Yams

/// A configuration file: strict YAML, one mapping from keys to scalars or lists of scalars.
struct SettingsFile {
    /// A key with its values, and where it stands.
    struct Entry {
        let setting: Setting
        let values: [String]
        let source: SettingSource
    }

    /// The largest file that is read, in bytes.
    private static let bytesMax = 1 << 20

    /// Reads the file at `path`.
    static func read(_ path: String) throws(ConfigurationError) -> [Entry] {
        let text: String
        do throws(SystemError) {
            text = String(decoding: try bytes(of: path, atMost: bytesMax), as: UTF8.self)
        } catch {
            throw ConfigurationError(
                source: .file(path: path, line: 1, column: 1), reason: error.reason)
        }
        return try parse(text, path: path)
    }

    /// Reads `text`, which stands in the file at `path`.
    static func parse(_ text: String, path: String) throws(ConfigurationError) -> [Entry] {
        let root: Node?
        do {
            root = try Yams.compose(yaml: text)
        } catch {
            throw syntaxError(error, path)
        }
        guard let root else { return [] }
        func place(_ node: Node) -> SettingSource {
            .file(path: path, line: node.mark?.line ?? 1, column: node.mark?.column ?? 1)
        }
        guard let mapping = root.mapping else {
            throw ConfigurationError(source: place(root), reason: "expected 'key: value' lines")
        }
        var entries: [Entry] = []
        for (key, value) in mapping {
            let name = key.scalar?.string ?? ""
            guard let setting = Setting.all.first(where: { $0.key == name }) else {
                throw ConfigurationError(source: place(key), reason: unknownKey(name))
            }
            entries.append(
                Entry(
                    setting: setting, values: try scalars(value, of: setting, place(value)),
                    source: place(key)))
        }
        return entries
    }

    private static func scalars(
        _ node: Node, of setting: Setting, _ place: SettingSource
    ) throws(ConfigurationError) -> [String] {
        if let scalar = node.scalar, !scalar.string.isEmpty { return [scalar.string] }
        let items = node.sequence.map { $0.compactMap(\.scalar?.string) }
        if setting.isList, let items, items.count == node.sequence?.count { return items }
        throw ConfigurationError(
            source: place,
            reason: setting.isList
                ? "'\(setting.key)' takes a value or a list of values"
                : "'\(setting.key)' takes one value")
    }

    private static func unknownKey(_ name: String) -> String {
        "unknown key '\(name)'; the keys are \(Setting.all.map(\.key).joined(separator: ", "))"
    }

    private static func syntaxError(_ error: any Error, _ path: String) -> ConfigurationError {
        var (line, column, reason) = (1, 1, "\(error)")
        switch error as? YamlError {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            (line, column, reason) = (mark.line, mark.column, problem)
        case .duplicatedKeysInMapping(let duplicates, let context):
            (line, column) = (context.mark.line, context.mark.column)
            reason = "key '\(duplicates.first ?? "")' is there twice"
        default: break
        }
        return ConfigurationError(
            source: .file(path: path, line: line, column: column), reason: reason)
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
