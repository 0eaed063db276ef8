import Foundation
import TestSupport
import Testing

/// The built binary with too few descriptors for its connections.
@Suite struct ConnectionLimitTests {
    @Test("without descriptors the listener waits instead of spinning, and goes on by itself")
    func noDescriptors() throws {
        let directory = TemporaryDirectory()
        let server = try FootfallServer(
            data: directory.file("data"),
            ["--loops", "1", "--connections-max", "1000", "--head-timeout", "300s"],
            wrapper: ["prlimit", "--nofile=50:50"])
        // The log needs descriptors too, once.
        #expect(try server.request("/track.js?n=first")?.status == 200)
        var connections = try (0..<60).map { _ in try server.connect() }
        usleep(2_500_000)
        // A line for each attempt, so there were few.
        let lines = server.process.errors.split(separator: "\n").count {
            $0.contains("accept a connection: Too many open files")
        }
        #expect((1...10).contains(lines))
        // Those that it has are served.
        #expect(connections[0].request("/track.js?n=second")?.status == 200)
        connections.removeFirst(55)
        #expect(connections[4].request("/track.js?n=last")?.status == 200)
        #expect(server.stop().status == 0)
    }

    @Test("by default only as many connections are taken as there are descriptors for")
    func automatic() throws {
        let directory = TemporaryDirectory()
        let server = try FootfallServer(
            data: directory.file("data"), ["--loops", "1", "--head-timeout", "300s"],
            wrapper: ["prlimit", "--nofile=160:160"])
        var connections = try (0..<100).map { _ in try server.connect() }
        usleep(100_000)
        #expect(try HTTPConnection(port: server.adminPort).request("/ready")?.status == 200)
        #expect(!server.process.errors.contains("Too many open files"))
        connections.removeFirst(90)
        #expect(connections[9].request("/track.js")?.status == 200)
        #expect(server.stop().status == 0)
    }
}
