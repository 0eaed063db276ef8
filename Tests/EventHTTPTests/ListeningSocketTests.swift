import EventHTTP
import Glibc
import POSIX
import TestSupport
import Testing

/// Whether the loopback interface has an IPv6 address.
private let hasIPv6 = access("/proc/net/if_inet6", F_OK) == 0

@Suite struct ListeningSocketTests {
    @Test("all loops share the port that the system chose")
    func sharesPort() throws {
        let sockets = try ListeningSocket.open(.tcp(host: "127.0.0.1", port: 0), count: 3)
        defer { sockets.forEach { $0.close() } }
        #expect(sockets.count == 3)
        #expect(Set(sockets.map(\.address)).count == 1)
        guard case .tcp(_, let port) = sockets[0].address else { return }
        #expect(port != 0)
        _ = try HTTPConnection(port: port)
    }

    @Test("a port that somebody shares already is in use all the same")
    func probes() throws {
        let sockets = try ListeningSocket.open(.tcp(host: "127.0.0.1", port: 0), count: 1)
        defer { sockets.forEach { $0.close() } }
        let address = sockets[0].address
        #expect(throws: SystemError("listen on", address.description, code: EADDRINUSE)) {
            try ListeningSocket.open(address, count: 1)
        }
    }

    @Test("a unix socket that is left behind is replaced; a live one is in use")
    func unixSockets() throws {
        let directory = TemporaryDirectory()
        let address = ListenAddress.unix(path: directory.file("s"))
        let first = try ListeningSocket.open(address, count: 2)
        #expect(throws: SystemError("listen on", address.description, code: EADDRINUSE)) {
            try ListeningSocket.open(address, count: 1)
        }
        first.forEach { $0.close() }
        let second = try ListeningSocket.open(address, count: 1)
        second.forEach { $0.close() }
    }

    @Test("a unix socket never replaces a file")
    func keepsFiles() throws {
        let directory = TemporaryDirectory()
        try directory.write([1], to: "precious")
        #expect(throws: SystemError.self) {
            try ListeningSocket.open(.unix(path: directory.file("precious")), count: 1)
        }
        #expect(try directory.bytes("precious") == [1])
    }

    @Test("IPv6 is listened on too", .enabled(if: hasIPv6, "the machine has no ::1"))
    func version6() throws {
        let sockets = try ListeningSocket.open(.tcp(host: "::1", port: 0), count: 2)
        defer { sockets.forEach { $0.close() } }
        #expect(sockets[0].address.description.hasPrefix("[::1]:"))
        #expect(sockets[0].address == sockets[1].address)
        #expect(throws: SystemError.self) { try ListeningSocket.open(sockets[0].address, count: 1) }
    }

    @Test("an unknown host says so")
    func unknownHost() {
        #expect(throws: SystemError.self) {
            try ListeningSocket.open(.tcp(host: "no.such.host.invalid", port: 0), count: 1)
        }
    }
}
