internal import Glibc
internal import POSIX

/// Directories of the file system.
enum Directory {
    /// Makes `path` and its parents, readable by owner and group only, where they are missing. What
    /// was made survives a power loss.
    static func make(_ path: String) throws(SystemError) {
        if mkdir(path, 0o750) == 0 { return try sync(parent(of: path)) }
        if errno == EEXIST { return }
        guard errno == ENOENT, parent(of: path) != path else {
            throw SystemError("make the directory", path)
        }
        try make(parent(of: path))
        guard mkdir(path, 0o750) == 0 || errno == EEXIST else {
            throw SystemError("make the directory", path)
        }
        try sync(parent(of: path))
    }

    private static func parent(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// The names in `path`; none if it does not exist.
    static func list(_ path: String) throws(SystemError) -> [String] {
        guard let directory = opendir(path) else {
            if errno == ENOENT { return [] }
            throw SystemError("list", path)
        }
        defer { closedir(directory) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = readdir(directory) else {
                if errno != 0 { throw SystemError("list", path) }
                return names
            }
            names.append(
                withUnsafeBytes(of: &entry.pointee.d_name) {
                    String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
                })
        }
    }

    /// Makes the entries of `path` survive a power loss: those that were added, renamed, removed.
    static func sync(_ path: String) throws(SystemError) {
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw SystemError("open", path) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw SystemError("fsync", path) }
    }
}
