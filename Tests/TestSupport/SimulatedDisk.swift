package import EventLog
internal import Glibc
package import POSIX

/// A disk that keeps what is written apart from what is synced.
///
/// Its power can be cut, whereupon any part of what was not synced is lost: sectors of 512 bytes in
/// any order, sizes, names. Its calls can fail. After a sync that failed it takes the file for
/// clean, as Linux does, so a second sync succeeds and has done nothing.
package final class SimulatedDisk: Storage {
    /// A kind of call that can fail.
    package enum Call: String, CaseIterable {
        case open, read, append, overwrite, truncate, preallocate, sync, status, rename, delete
        case list, makeDirectory, syncDirectory, freeSpace
    }

    /// What happens to calls.
    package enum Fault: Equatable {
        /// Only the first call that is due fails.
        case once(Int32)
        /// Every call fails until `heal()`.
        case lasting(Int32)
        /// The first append that is due takes a part of its bytes.
        case short
        /// The power goes: nothing has an effect any more.
        case powerCut
    }

    /// How much of what was not synced is lost with the power.
    package enum Loss: CaseIterable {
        case everything, anything, nothing
    }

    private let state: Monitor<DiskState>
    private let whileSyncing = Monitor<@Sendable (String) -> Void>({ _ in })

    /// An empty disk. What it loses comes from `seed`.
    package init(seed: UInt64) {
        state = Monitor(DiskState(random: SeededRandom(seed: seed)))
    }

    /// The same disk once more, as it is now.
    package init(copying other: SimulatedDisk) {
        state = Monitor(other.state.withLock { $0 })
    }

    // MARK: - What the tests do to it

    /// Lets the call after `calls` more calls, of one of `kinds`, fail.
    package func arm(
        _ fault: Fault, after calls: Int, among kinds: [Call] = Call.allCases
    ) {
        state.withLock { $0.armed = .init(fault: fault, callsLeft: calls, kinds: Set(kinds)) }
    }

    /// Calls `body` with the path of each file that is being synced.
    package func duringSync(_ body: @escaping @Sendable (String) -> Void) {
        whileSyncing.withLock { $0 = body }
    }

    /// Lets all calls work again.
    package func heal() { state.withLock { $0.armed = nil } }

    /// Runs `body` with all calls working.
    package func unharmed<Result>(_ body: () throws -> Result) rethrows -> Result {
        let (armed, calls) = state.withLock { state in
            defer { state.armed = nil }
            return (state.armed, state.calls)
        }
        defer { state.withLock { ($0.armed, $0.calls) = (armed, calls) } }
        return try body()
    }

    /// Ends the process: what was written stays, files are no longer open.
    package func kill() { state.withLock { $0.open = [:] } }

    /// Cuts the power, and gives it back.
    package func cutPower(_ loss: Loss) { state.withLock { $0.cutPower(loss) } }

    /// Sets the clock forward.
    package func pass(seconds: Double) { state.withLock { $0.time += seconds } }

    /// Bytes that all files may have together.
    package func limit(bytes: Int) { state.withLock { $0.capacityBytes = bytes } }

    /// Whether the power is gone.
    package var isCut: Bool { state.withLock { $0.isCut } }
    /// How many calls have failed because they were to.
    package var strikes: Int { state.withLock { $0.strikes } }
    /// The calls so far.
    package var calls: Int { state.withLock { $0.calls } }
    /// Files that are open.
    package var openFiles: Int { state.withLock { $0.open.count } }
    /// What nobody may do: to sync a file again whose sync has failed, to write on after an error.
    package var violations: [String] { state.withLock { $0.violations } }

    /// The paths of all files.
    package var paths: [String] {
        state.withLock { state in
            state.entries.filter { $0.value != DiskState.directory }.map(\.key).sorted()
        }
    }

    /// What the file at `path` holds.
    package func bytes(_ path: String) -> [UInt8] {
        state.withLock { state in state.entries[path].map { state.nodes[$0].content } ?? [] }
    }

    /// Puts a file on the disk, and the directories that it is in.
    package func put(_ bytes: [UInt8], at path: String) {
        state.withLock { state in
            var parent = Substring(path)
            while let slash = parent.lastIndex(of: "/") {
                parent = parent[..<slash]
                state.entries[String(parent)] = DiskState.directory
            }
            state.nodes.append(Node(content: bytes, durable: bytes))
            state.entries[path] = state.nodes.count - 1
            state.durableEntries = state.entries
        }
    }

    /// Changes what the file at `path` holds, on the disk itself.
    package func rot(_ path: String, _ change: (inout [UInt8]) -> Void) {
        state.withLock { state in
            guard let node = state.entries[path] else { return }
            change(&state.nodes[node].content)
            change(&state.nodes[node].durable)
        }
    }

    // MARK: - Storage

    package func open(_ path: String, _ mode: OpenMode) throws(SystemError) -> OpenFile {
        try state.withLock { state throws(SystemError) in
            try state.begin(.open, path)
            return try state.open(path, mode)
        }
    }

    package func close(_ file: OpenFile) {
        state.withLock { $0.open[file.descriptor] = nil }
    }

    package func read(
        _ file: OpenFile, into buffer: UnsafeMutableRawBufferPointer, at offset: Int
    ) throws(SystemError) -> Int {
        try state.withLock { state throws(SystemError) in
            try state.begin(.read, file.path)
            let content = try state.node(of: file).content
            let count = max(0, min(buffer.count, content.count - offset))
            if count > 0 { buffer.copyBytes(from: content[offset..<offset + count]) }
            return count
        }
    }

    package func append(_ bytes: UnsafeRawBufferPointer, to file: OpenFile) throws(SystemError)
        -> Int
    {
        try state.withLock { state throws(SystemError) in try state.append(bytes, to: file) }
    }

    package func overwrite(
        _ bytes: UnsafeRawBufferPointer, in file: OpenFile, at offset: Int
    ) throws(SystemError) -> Int {
        try state.withLock { state throws(SystemError) in
            try state.begin(.overwrite, file.path)
            try state.change(file, .write(offset: offset, Array(bytes)))
            return bytes.count
        }
    }

    package func truncate(_ file: OpenFile, to bytes: Int) throws(SystemError) {
        try state.withLock { state throws(SystemError) in
            try state.begin(.truncate, file.path)
            try state.change(file, .truncate(bytes: bytes))
        }
    }

    package func preallocate(_ file: OpenFile, from offset: Int, bytes: Int) throws(SystemError) {
        try state.withLock { state throws(SystemError) in
            try state.begin(.preallocate, file.path)
        }
    }

    package func sync(_ file: OpenFile) throws(SystemError) {
        whileSyncing.withLock { $0 }(file.path)
        try state.withLock { state throws(SystemError) in try state.sync(file) }
    }

    package func status(_ path: String) throws(SystemError) -> FileStatus {
        try state.withLock { state throws(SystemError) in
            try state.begin(.status, path)
            guard let node = state.entries[path] else {
                throw SystemError("stat", path, code: ENOENT)
            }
            if node == DiskState.directory { return FileStatus(bytes: 0, idleSeconds: 0) }
            return FileStatus(
                bytes: state.nodes[node].content.count,
                idleSeconds: state.time - state.nodes[node].changedAt)
        }
    }

    package func rename(_ path: String, to target: String) throws(SystemError) {
        try state.withLock { state throws(SystemError) in
            try state.begin(.rename, path)
            guard let node = state.entries[path] else {
                throw SystemError("rename", path, code: ENOENT)
            }
            state.change(.rename(path, target, node))
        }
    }

    package func delete(_ path: String) throws(SystemError) {
        try state.withLock { state throws(SystemError) in
            try state.begin(.delete, path)
            guard let node = state.entries[path] else {
                throw SystemError("delete", path, code: ENOENT)
            }
            state.change(.remove(path, node))
        }
    }

    package func list(_ path: String) throws(SystemError) -> [String] {
        try state.withLock { state throws(SystemError) in
            try state.begin(.list, path)
            let prefix = path + "/"
            return state.entries.keys.filter { $0.hasPrefix(prefix) }.map {
                String($0.dropFirst(prefix.count))
            }.filter { !$0.contains("/") }
        }
    }

    package func makeDirectory(_ path: String) throws(SystemError) {
        try state.withLock { state throws(SystemError) in
            try state.begin(.makeDirectory, path)
            guard state.entries[path] == nil else {
                throw SystemError("make the directory", path, code: EEXIST)
            }
            guard state.hasParent(path) else {
                throw SystemError("make the directory", path, code: ENOENT)
            }
            state.change(.add(path, DiskState.directory))
        }
    }

    package func syncDirectory(_ path: String) throws(SystemError) {
        try state.withLock { state throws(SystemError) in try state.syncDirectory(path) }
    }

    package func freeSpace(_ path: String) throws(SystemError) -> (free: Int, total: Int) {
        try state.withLock { state throws(SystemError) in
            try state.begin(.freeSpace, path)
            return (state.capacityBytes - state.usedBytes, state.capacityBytes)
        }
    }

    package func monotonicSeconds() -> Double { state.withLock { $0.time } }
}

/// A file as the system shows it, and as the platters have it.
private struct Node {
    enum Change {
        case write(offset: Int, [UInt8])
        case truncate(bytes: Int)
    }

    var content: [UInt8] = []
    var durable: [UInt8] = []
    /// What was done since the last sync.
    var changes: [Change] = []
    var changedAt = 0.0

    static let sectorBytes = 512

    mutating func apply(_ change: Change) {
        Self.apply(change, to: &content)
        changes.append(change)
    }

    mutating func sync() {
        for change in changes { Self.apply(change, to: &durable) }
        changes = []
    }

    /// Lets any part of the changes reach the disk. Each sector has one of its states since the
    /// last sync, and so has the size.
    mutating func syncPartly(_ random: inout SeededRandom) {
        var cutoffs: [Int: Int] = [:]
        let sizeCutoff = Int.random(in: 0...changes.count, using: &random)
        for (index, change) in changes.enumerated() {
            switch change {
            case .truncate:
                if index < sizeCutoff { Self.apply(change, to: &durable) }
            case .write(let offset, let bytes):
                var start = 0
                while start < bytes.count {
                    let sector = (offset + start) / Self.sectorBytes
                    let end = min(bytes.count, (sector + 1) * Self.sectorBytes - offset)
                    let cutoff =
                        cutoffs[sector] ?? Int.random(in: 0...changes.count, using: &random)
                    cutoffs[sector] = cutoff
                    if index < cutoff {
                        Self.apply(
                            .write(offset: offset + start, Array(bytes[start..<end])),
                            to: &durable)
                    }
                    start = end
                }
                let size = offset + bytes.count
                if index < sizeCutoff, size > durable.count {
                    Self.apply(.write(offset: size, []), to: &durable)
                }
            }
        }
        changes = []
    }

    private static func apply(_ change: Change, to bytes: inout [UInt8]) {
        switch change {
        case .write(let offset, let new):
            if bytes.count < offset {
                bytes.append(contentsOf: repeatElement(0, count: offset - bytes.count))
            }
            bytes.replaceSubrange(offset..<min(bytes.count, offset + new.count), with: new)
        case .truncate(let count):
            if count <= bytes.count {
                bytes.removeLast(bytes.count - count)
            } else {
                bytes.append(contentsOf: repeatElement(0, count: count - bytes.count))
            }
        }
    }
}

/// What was done to a name in a directory.
private enum NameChange {
    case add(String, Int)
    case remove(String, Int)
    case rename(String, String, Int)

    var path: String {
        switch self {
        case .add(let path, _), .remove(let path, _), .rename(let path, _, _): path
        }
    }

    var node: Int {
        switch self {
        case .add(_, let node), .remove(_, let node), .rename(_, _, let node): node
        }
    }

    func apply(to entries: inout [String: Int]) {
        switch self {
        case .add(let path, let node): entries[path] = node
        case .remove(let path, let node):
            if entries[path] == node { entries[path] = nil }
        case .rename(let path, let target, let node):
            if entries[path] == node { entries[path] = nil }
            entries[target] = node
        }
    }
}

private struct DiskState {
    /// Stands for a directory where a file has the number of its node.
    static let directory = -1

    struct Armed {
        let fault: SimulatedDisk.Fault
        var callsLeft: Int
        let kinds: Set<SimulatedDisk.Call>
        var hasStruck = false
    }

    struct Open {
        let node: Int
        var hasFailedSync = false
        var hasFailedWrite = false
    }

    var random: SeededRandom
    var nodes: [Node] = []
    var entries: [String: Int] = [:]
    var durableEntries: [String: Int] = [:]
    var nameChanges: [NameChange] = []
    var open: [Int32: Open] = [:]
    var nextDescriptor: Int32 = 3
    var time = 0.0
    var calls = 0
    var capacityBytes = 1 << 30
    var armed: Armed?
    var isCut = false
    var strikes = 0
    var violations: [String] = []

    init(random: SeededRandom) { self.random = random }

    /// Counts a call; throws if it is to fail.
    mutating func begin(_ call: SimulatedDisk.Call, _ path: String) throws(SystemError) {
        if isCut { throw SystemError(call.rawValue, path, code: EIO) }
        calls += 1
        guard let armed, armed.kinds.contains(call) else { return }
        if armed.callsLeft > 0 {
            self.armed?.callsLeft -= 1
            return
        }
        switch armed.fault {
        case .once where armed.hasStruck: return
        case .short: return
        case .once(let code), .lasting(let code):
            strike()
            throw SystemError(call.rawValue, path, code: code)
        case .powerCut:
            strike()
            isCut = true
            throw SystemError(call.rawValue, path, code: EIO)
        }
    }

    private mutating func strike() {
        armed?.hasStruck = true
        strikes += 1
    }

    var usedBytes: Int {
        entries.values.reduce(0) { $0 + ($1 == Self.directory ? 0 : nodes[$1].content.count) }
    }

    func hasParent(_ path: String) -> Bool {
        guard let slash = path.lastIndex(of: "/") else { return true }
        return entries[String(path[..<slash])] == Self.directory
    }

    func node(of file: OpenFile) throws(SystemError) -> Node {
        guard let entry = open[file.descriptor] else {
            throw SystemError("read", file.path, code: EBADF)
        }
        return nodes[entry.node]
    }

    // MARK: - Files

    mutating func open(_ path: String, _ mode: OpenMode) throws(SystemError) -> OpenFile {
        var isNew = false
        switch (mode, entries[path]) {
        case (.reading, nil), (.changing, nil): throw SystemError("open", path, code: ENOENT)
        case (.new, .some): throw SystemError("open", path, code: EEXIST)
        case (.changingOrNew, nil), (.new, nil), (.replacing, nil): isNew = true
        default: break
        }
        if isNew {
            guard hasParent(path) else { throw SystemError("open", path, code: ENOENT) }
            nodes.append(Node())
            nodes[nodes.count - 1].changedAt = time
            change(.add(path, nodes.count - 1))
        }
        guard let node = entries[path], node != Self.directory else {
            throw SystemError("open", path, code: EISDIR)
        }
        if case .replacing = mode { nodes[node].apply(.truncate(bytes: 0)) }
        nextDescriptor += 1
        open[nextDescriptor] = Open(node: node)
        return OpenFile(descriptor: nextDescriptor, path: path)
    }

    mutating func change(_ file: OpenFile, _ change: Node.Change) throws(SystemError) {
        guard let node = open[file.descriptor]?.node else {
            throw SystemError("write", file.path, code: EBADF)
        }
        nodes[node].apply(change)
        nodes[node].changedAt = time
    }

    mutating func append(
        _ bytes: UnsafeRawBufferPointer, to file: OpenFile
    ) throws(SystemError) -> Int {
        let size = try node(of: file).content.count
        if open[file.descriptor]?.hasFailedWrite == true {
            violations.append("\(file.path) was written to after an error")
        }
        let wasCut = isCut
        do throws(SystemError) {
            try begin(.append, file.path)
        } catch {
            if isCut, !wasCut {
                // It goes in the middle of the write.
                let count = part(of: bytes.count)
                try change(file, .write(offset: size, Array(bytes.prefix(count))))
            }
            if error.code != EINTR { open[file.descriptor]?.hasFailedWrite = true }
            throw error
        }
        var count = min(bytes.count, max(0, capacityBytes - usedBytes))
        if armed?.fault == .short, armed?.callsLeft == 0, armed?.hasStruck == false {
            strike()
            count = min(count, max(1, part(of: bytes.count)))
        }
        guard count > 0 else {
            open[file.descriptor]?.hasFailedWrite = true
            strikes += 1
            throw SystemError("write", file.path, code: ENOSPC)
        }
        try change(file, .write(offset: size, Array(bytes.prefix(count))))
        return count
    }

    private mutating func part(of count: Int) -> Int {
        Int.random(in: 0...max(0, count - 1), using: &random)
    }

    mutating func sync(_ file: OpenFile) throws(SystemError) {
        guard let entry = open[file.descriptor] else {
            violations.append("\(file.path) was synced after its end")
            return
        }
        if entry.hasFailedSync { violations.append("\(file.path) was synced again") }
        let wasCut = isCut
        do throws(SystemError) {
            try begin(.sync, file.path)
        } catch {
            open[file.descriptor]?.hasFailedSync = true
            if !wasCut { nodes[entry.node].syncPartly(&random) }
            throw error
        }
        nodes[entry.node].sync()
    }

    // MARK: - Names

    mutating func change(_ change: NameChange) {
        change.apply(to: &entries)
        nameChanges.append(change)
    }

    mutating func syncDirectory(_ path: String) throws(SystemError) {
        let wasCut = isCut
        func isInside(_ change: NameChange) -> Bool {
            let parent = change.path.lastIndex(of: "/").map { String(change.path[..<$0]) } ?? "."
            return parent == path
        }
        do throws(SystemError) {
            try begin(.syncDirectory, path)
        } catch {
            if !wasCut { syncNamesPartly() }
            throw error
        }
        for change in nameChanges where isInside(change) { change.apply(to: &durableEntries) }
        nameChanges.removeAll(where: isInside)
    }

    /// Lets any part of the changes reach the disk: of those to one file the first ones.
    private mutating func syncNamesPartly() {
        var limits: [Int: Int] = [:]
        var left: [NameChange] = []
        for change in nameChanges {
            let limit = limits[change.node] ?? Int.random(in: 0...2, using: &random)
            limits[change.node] = limit - 1
            if limit > 0 { change.apply(to: &durableEntries) } else { left.append(change) }
        }
        nameChanges = left
    }

    mutating func cutPower(_ loss: SimulatedDisk.Loss) {
        for index in nodes.indices {
            switch loss {
            case .everything: break
            case .anything: nodes[index].syncPartly(&random)
            case .nothing: nodes[index].sync()
            }
            nodes[index].content = nodes[index].durable
            nodes[index].changes = []
        }
        switch loss {
        case .everything: break
        case .anything: syncNamesPartly()
        case .nothing: for change in nameChanges { change.apply(to: &durableEntries) }
        }
        nameChanges = []
        entries = durableEntries
        while let orphan = entries.keys.first(where: { !hasParent($0) }) { entries[orphan] = nil }
        durableEntries = entries
        open = [:]
        armed = nil
        isCut = false
    }
}
