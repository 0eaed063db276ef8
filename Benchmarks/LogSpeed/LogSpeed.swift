import EventLog
import Foundation
import POSIX

/// How fast the log is without the server around it: appending, group commit, start-up, verifying.
///
/// `footfall-log-speed DIRECTORY [seconds]`: works in a new directory below, and removes it.
@main
struct LogSpeed {
    static let lineBytes = 500
    /// Bytes that the log adds to a line of ours: `,"seq":12345678,"sum":"…"}` and a newline.
    static let proofBytes = 42

    static func main() throws {
        let arguments = CommandLine.arguments
        guard arguments.count > 1 else {
            print("usage: footfall-log-speed DIRECTORY [seconds]")
            exit(2)
        }
        let data = arguments[1] + "/log-speed.\(getpid())"
        defer { try? FileManager.default.removeItem(atPath: data) }
        let seconds = arguments.count > 2 ? Double(arguments[2]) ?? 3 : 3
        print("fdatasync after a write of 4 KiB: \(try syncMilliseconds(in: arguments[1])) ms")
        let appended = try (0..<5).map { try append("\(data)/append.\($0)", seconds) }
        print("append, interval, 2 threads: \(summary(appended)) lines a second")
        let committed = try (0..<5).map { try commit("\(data)/commit.\($0)", seconds) }
        print("commit, 256 waiting: \(summary(committed)) lines a second")
        try startAndVerify(data + "/verify")
    }

    /// The median of 200, in milliseconds.
    static func syncMilliseconds(in directory: String) throws -> String {
        let path = directory + "/sync.\(getpid())"
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL, 0o600)
        guard descriptor >= 0 else { throw SystemError("open", path) }
        defer {
            close(descriptor)
            unlink(path)
        }
        let block = [UInt8](repeating: 0x78, count: 4096)
        let times = (0..<200).map { _ in
            _ = write(descriptor, block, block.count)
            let start = Clock.monotonicSeconds()
            fdatasync(descriptor)
            return Clock.monotonicSeconds() - start
        }
        return format(times.sorted()[100] * 1000)
    }

    /// The median, with the least and the most.
    static func summary(_ rates: [Int]) -> String {
        let sorted = rates.sorted()
        return "\(sorted[2]) (\(sorted[0]) to \(sorted[4]))"
    }

    static func format(_ number: Double) -> String { String(format: "%.2f", number) }

    /// Two threads append batches of 64 lines as fast as they can, `interval`. The last sync counts.
    static func append(_ data: String, _ seconds: Double) throws -> Int {
        defer { try? FileManager.default.removeItem(atPath: data) }
        var options = LogOptions(directory: data)
        options.durability = .interval(seconds: 1)
        options.compressAfterSeconds = nil
        options.lowWaterBytes = 1
        let log = try EventLog(options) { _ in
        } notice: {
            print($0)
        }
        let start = Clock.monotonicSeconds()
        let total = Monitor(0)
        let threads = try (0..<2).map { _ in
            try POSIX.Thread(name: "append") {
                var lines = 0
                var batch = Batch()
                while Clock.monotonicSeconds() - start < seconds {
                    for _ in 0..<64 { Line.add(to: &batch) }
                    if case .refused = log.append(&batch) { usleep(100) } else { lines += 64 }
                }
                total.withLock { $0 += lines }
            }
        }
        for thread in threads { thread.join() }
        guard log.close() else { throw SystemError("close", data) }
        return Int(Double(total.withLock { $0 }) / (Clock.monotonicSeconds() - start))
    }

    /// 256 senders on two threads, each with one line under way at a time, `commit`.
    static func commit(_ data: String, _ seconds: Double) throws -> Int {
        defer { try? FileManager.default.removeItem(atPath: data) }
        var options = LogOptions(directory: data)
        options.compressAfterSeconds = nil
        options.lowWaterBytes = 1
        let stored = Monitor<UInt64>(0)
        let log = try EventLog(options) { news in
            if case .stored(let through) = news {
                stored.withLock { $0 = through }
                stored.notify()
            }
        } notice: {
            print($0)
        }
        let start = Clock.monotonicSeconds()
        let total = Monitor(0)
        let threads = try (0..<2).map { _ in
            try POSIX.Thread(name: "commit") {
                var lines = 0
                var batch = Batch()
                // What is under way: the last sequence of each batch, and how many lines it has.
                var waiting: [(last: UInt64, count: Int)] = []
                var free = 128
                while Clock.monotonicSeconds() - start < seconds {
                    for _ in 0..<free { Line.add(to: &batch) }
                    if free > 0, case .pending(let last) = log.append(&batch) {
                        waiting.append((last, free))
                        free = 0
                    }
                    let oldest = waiting.first?.last ?? 0
                    let through = stored.withLock(
                        waitingFor: { $0 >= oldest }, seconds: 1
                    ) { $0 }
                    while let first = waiting.first, first.last <= through {
                        lines += first.count
                        free += first.count
                        waiting.removeFirst()
                    }
                }
                total.withLock { $0 += lines }
            }
        }
        for thread in threads { thread.join() }
        let written = Clock.monotonicSeconds() - start
        guard log.close() else { throw SystemError("close", data) }
        return Int(Double(total.withLock { $0 }) / written)
    }

    /// A last segment of 1 GiB that a killed process has left, then the same sealed, beside xxhsum.
    static func startAndVerify(_ data: String) throws {
        var options = LogOptions(directory: data)
        options.durability = .interval(seconds: 1)
        options.compressAfterSeconds = nil
        options.lowWaterBytes = 1
        options.segmentBytesMax = 2 << 30
        var lines = 0
        try withLog(options) { log in
            var batch = Batch()
            while lines * lineBytes < 1 << 30 {
                for _ in 0..<64 { Line.add(to: &batch) }
                if case .refused = log.append(&batch) { usleep(1000) } else { lines += 64 }
            }
        }
        let sealed = data + "/events/00000000000000000001.ndjson"
        for mark in ["with DATA/synced", "without it"] {
            try FileManager.default.moveItem(atPath: sealed, toPath: sealed + ".open")
            if mark == "without it" { unlink(data + "/synced") }
            let start = Clock.monotonicSeconds()
            try withLog(options) { _ in
                print("start, 1 GiB open, \(mark): \(format(Clock.monotonicSeconds() - start)) s")
            }
        }
        var ratios: [Double] = []
        for _ in 0..<5 {
            let own = try seconds { _ = try Verification.run(directory: data) { print($0) } }
            let other = try seconds {
                let process = Process()
                process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
                process.arguments = ["xxhsum", "-q", "-H3", sealed]
                process.standardOutput = FileHandle.nullDevice
                try process.run()
                process.waitUntilExit()
                if process.terminationStatus != 0 { throw SystemError("run", "xxhsum", code: 0) }
            }
            ratios.append(own / other)
            print(
                "verify, \(lines) lines: \(format(Double(lines * lineBytes) / own / 1e9)) GB/s, "
                    + "xxhsum \(format(Double(lines * lineBytes) / other / 1e9)) GB/s")
        }
        print("verify takes \(format(ratios.sorted()[2])) times as long as xxhsum (median of 5)")
    }

    static func withLog(_ options: LogOptions, _ body: (EventLog) throws -> Void) throws {
        let log = try EventLog(options) { _ in
        } notice: { _ in
        }
        try body(log)
        guard log.close() else { throw SystemError("close", options.directory) }
    }

    static func seconds(_ body: () throws -> Void) rethrows -> Double {
        let start = Clock.monotonicSeconds()
        try body()
        return Clock.monotonicSeconds() - start
    }
}

/// A line of the size of a browser's event.
private enum Line {
    static let body = Array(
        (#"{"v":1,"text":""#
            + String(repeating: "x", count: LogSpeed.lineBytes - LogSpeed.proofBytes - 16)
            + "\"").utf8)

    static func add(to batch: inout Batch) {
        _ = batch.append(bytesMax: body.count) { output in
            body.withUnsafeBufferPointer { bytes in
                output.withUnsafeMutableBufferPointer { buffer, count in
                    guard let target = buffer.baseAddress, let source = bytes.baseAddress else {
                        return
                    }
                    (target + count).update(from: source, count: bytes.count)
                    count += bytes.count
                }
            }
        }
    }
}
