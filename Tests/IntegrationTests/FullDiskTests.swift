import Foundation
import TestSupport
import Testing

/// A small file system of a test's own, unmounted with the object.
private final class SmallDisk: Sendable {
    let directory = TemporaryDirectory()

    init(megabytes: Int) throws {
        let result = try ChildProcess.run(
            ["mount", "-t", "tmpfs", "-o", "size=\(megabytes)m", "tmpfs", directory.path])
        try #require(result.status == 0, "\(result.errors)")
    }

    deinit {
        _ = try? ChildProcess.run(["umount", "--lazy", directory.path])
    }

    /// Takes up room; the rest of the disk if it is asked for too much.
    func fill(_ name: String, megabytes: Int) throws {
        _ = try ChildProcess.run([
            "dd", "if=/dev/zero", "of=\(directory.file(name))", "bs=1M", "count=\(megabytes)",
        ])
    }

    func delete(_ name: String) throws {
        try FileManager.default.removeItem(atPath: directory.file(name))
    }
}

/// Whether a file system may be mounted here.
private let canMount: Bool = {
    let directory = TemporaryDirectory()
    let path = directory.path
    guard (try? ChildProcess.run(["mount", "-t", "tmpfs", "tmpfs", path]).status) == 0 else {
        return false
    }
    return (try? ChildProcess.run(["umount", path]).status) == 0
}()

/// The built binary on a disk that fills up.
@Suite(.enabled(if: canMount, "no file system may be mounted here"))
struct FullDiskTests {
    /// Sends hits until one has `status`; those that were answered with 200. Nil if none has.
    private func send(
        to server: FootfallServer, until status: Int, prefix: String
    ) throws -> [String]? {
        let connection = try server.connect()
        let deadline = Date().addingTimeInterval(30)
        let padding = String(repeating: "x", count: 4000)
        var stored: [String] = []
        for number in 0... {
            if Date() > deadline { return nil }
            let name = "\(prefix)\(number)"
            let reply = connection.request("/track.js?n=\(name)&p=\(padding)")
            if reply?.status == 200 { stored.append(name) }
            if reply?.status == 503 { #expect(reply?["retry-after"] == "1") }
            if reply?.status == status { return stored }
            if reply?.status != 200 { usleep(20_000) }
        }
        return nil
    }

    @Test(
        "a disk that fills up is refused in time, or at its last byte, and loses nothing",
        arguments: ["2MiB", "1KiB"])
    func fillsUp(_ lowWater: String) throws {
        let disk = try SmallDisk(megabytes: 8)
        try disk.fill("ballast", megabytes: 4)
        let data = disk.directory.file("data")
        let server = try FootfallServer(
            data: data, ["--low-water-bytes", lowWater, "--segment-bytes-max", "1MiB"])
        let before = try #require(try send(to: server, until: 503, prefix: "a"))
        #expect(before.count > 50)
        let ready = try HTTPConnection(port: server.adminPort).request("/ready")
        #expect(ready?.status == 503)
        #expect(try FootfallBinary.run("verify", "--data", data).status == 0)

        try disk.delete("ballast")
        let after = try #require(try send(to: server, until: 200, prefix: "b"))
        #expect(after.count == 1)
        #expect(try HTTPConnection(port: server.adminPort).request("/ready")?.status == 200)
        #expect(server.stop().status == 0)
        let verified = try FootfallBinary.run("verify", "--data", data)
        #expect(verified.status == 0, "\(verified.output)")
        let tail = try FootfallBinary.run("tail", "--data", data, "--format", "json")
        let names = try tail.output.split(separator: "\n").map {
            try StoredEvent(String($0)).params["n"] ?? "?"
        }
        #expect(Set(before + after).isSubset(of: names))
        #expect(Set(names).count == names.count)
    }
}
