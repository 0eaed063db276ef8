import Foundation
import TestSupport
import Testing

/// Makes a command run as a user without rights: root may write everywhere.
private let asNobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]

/// Whether the built binary can be run by that user here.
private let canRunAsNobody =
    (try? ChildProcess.run(asNobody + [FootfallBinary.path, "--version"]).status) == 0

/// The built binary on a directory that turns read-only under it.
@Suite(
    .enabled(
        if: canRunAsNobody, "only root can start the server as another user, who can read it"))
struct ReadOnlyDirectoryTests {
    @Test("hits are refused while the directory is read-only, and taken again when it is not")
    func readOnly() throws {
        let directory = TemporaryDirectory()
        let data = directory.file("data")
        try FileManager.default.createDirectory(
            atPath: data, withIntermediateDirectories: true,
            attributes: [.ownerAccountID: 65534, .groupOwnerAccountID: 65534])
        let server = try FootfallServer(
            data: data, ["--segment-bytes-max", "4KiB"], wrapper: asNobody)
        let connection = try server.connect()
        var statuses: [Int] = []
        func send(until status: Int) -> Bool {
            let deadline = Date().addingTimeInterval(30)
            while Date() < deadline {
                let reply = connection.request("/track.js?n=\(statuses.count)")
                statuses.append(reply?.status ?? 0)
                if reply?.status == status { return true }
                if reply?.status == 503 { usleep(50_000) }
            }
            return false
        }
        #expect(send(until: 200))
        try setMode(0o555, directory.file("data/events"))
        // The segment that is open can still be written; the next one cannot be made.
        #expect(send(until: 503))
        let ready = try HTTPConnection(port: server.adminPort).request("/ready")
        #expect(ready?.status == 503)
        #expect(ready?.text.contains("Permission denied") == true)
        try setMode(0o750, directory.file("data/events"))
        #expect(send(until: 200))
        #expect(try HTTPConnection(port: server.adminPort).request("/ready")?.status == 200)
        #expect(server.stop().status == 0)
        let verified = try FootfallBinary.run("verify", "--data", data)
        #expect(verified.status == 0, "\(verified.output)")
        let stored = try FootfallBinary.run("tail", "--data", data, "--format", "json").output
            .split(separator: "\n").compactMap {
                try StoredEvent(String($0)).params["n"].flatMap { Int($0) }
            }
        let answered = statuses.indices.filter { statuses[$0] == 200 }
        #expect(Set(answered).isSubset(of: stored))
        #expect(Set(stored).count == stored.count)
    }

    private func setMode(_ mode: Int, _ path: String) throws {
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
    }
}
