import Foundation
import TestSupport
import Testing

/// Whose hit it is, behind proxies and for those who pretend to be one.
@Suite struct ClientTests {
    private static let trusting = [
        "--trusted-proxies", "127.0.0.0/8", "--trusted-proxies", "10.0.0.0/8",
        "--trusted-proxies", "2001:db8:1::/48", "--ip-detail", "full",
    ]

    @Test(
        "the client is the last one that no trusted proxy is",
        arguments: [
            ([], "127.0.0.1"), (["X-Forwarded-For: 203.0.113.7"], "203.0.113.7"),
            // Anybody can write the front of the list.
            (["X-Forwarded-For: 192.0.2.9, 203.0.113.7"], "203.0.113.7"),
            (["x-forwarded-for: 192.0.2.9,203.0.113.7 , 10.1.2.3"], "203.0.113.7"),
            (
                ["X-Forwarded-For: 192.0.2.9", "X-Forwarded-For: 203.0.113.7, 10.1.2.3"],
                "203.0.113.7"
            ),
            (["X-Forwarded-For: 203.0.113.7", "X-Forwarded-For: 10.1.2.3"], "203.0.113.7"),
            (["X-Forwarded-For: 10.0.0.1, 10.0.0.2"], "10.0.0.1"),
            // What cannot be read hides what is in front of it.
            (["X-Forwarded-For: 203.0.113.7, nonsense"], "127.0.0.1"),
            (["X-Forwarded-For: 203.0.113.7, , 10.0.0.2"], "10.0.0.2"),
            (["X-Forwarded-For:"], "127.0.0.1"),
            (["X-Forwarded-For: 203.0.113.7:4711"], "203.0.113.7"),
            (["X-Forwarded-For: 2001:db8::7"], "2001:db8::7"),
            (["X-Forwarded-For: [2001:db8::7]:80, 2001:db8:1::1"], "2001:db8::7"),
            (["Forwarded: for=192.0.2.9, for=203.0.113.7;proto=https;by=10.0.0.1"], "203.0.113.7"),
            (["Forwarded: For=\"[2001:db8::7]:80\", for=10.0.0.9"], "2001:db8::7"),
            (["Forwarded: for=unknown, for=10.0.0.9"], "10.0.0.9"),
            (["Forwarded: proto=https"], "127.0.0.1"),
            (["Forwarded: for=\"192.0.2.9, for=203.0.113.7"], "203.0.113.7"),
            // A proxy that writes the one passes the other on as it came.
            (["Forwarded: for=192.0.2.9", "X-Forwarded-For: 203.0.113.7"], "203.0.113.7"),
        ] as [([String], String)])
    func trusted(_ fields: [String], _ expected: String) throws {
        let directory = TemporaryDirectory()
        let server = try FootfallServer(data: directory.path, Self.trusting)
        #expect(try server.request("/track.js", fields)?.status == 200)
        #expect(try StoredEvent.all(in: directory.path).first?["ip"] == expected)
    }

    @Test("the host is the one that the client asked for")
    func host() throws {
        let directory = TemporaryDirectory()
        let server = try FootfallServer(data: directory.path, Self.trusting)
        let fields = [
            [], ["X-Forwarded-Host: t.example"], ["X-Forwarded-Host: a, t.example"],
            ["Forwarded: for=203.0.113.7;host=\"t.example\""], ["X-Forwarded-Host:"],
        ]
        for fields in fields { _ = try server.request("/track.gif", fields) }
        #expect(
            try StoredEvent.all(in: directory.path).map { $0["host"] }
                == ["localhost", "t.example", "t.example", "t.example", "localhost"])
    }

    @Test(
        "a peer that is no trusted proxy is not believed",
        arguments: [[], ["--trusted-proxies", "10.0.0.0/8", "--trusted-proxies", "unix"]])
    func untrusted(_ arguments: [String]) throws {
        let directory = TemporaryDirectory()
        let server = try FootfallServer(
            data: directory.path, arguments + ["--ip-detail", "full"])
        let fields = [
            "X-Forwarded-For: 203.0.113.7", "Forwarded: for=203.0.113.7", "X-Forwarded-Host: evil",
        ]
        #expect(try server.request("/track.js", fields)?.status == 200)
        let event = try StoredEvent.all(in: directory.path).first
        #expect(event?["ip"] == "127.0.0.1")
        #expect(event?["host"] == "localhost")
    }

    @Test("a proxy on a unix socket can be trusted")
    func unixSocket() throws {
        let directory = TemporaryDirectory()
        let path = directory.file("s.sock")
        let server = try FootfallServer(
            data: directory.file("data"),
            [
                "--listen", "unix:\(path)", "--trusted-proxies", "unix", "--ip-detail", "full",
            ])
        let connection = try HTTPConnection(unix: path)
        #expect(connection.request("/track.js", ["X-Forwarded-For: 203.0.113.7"])?.status == 200)
        #expect(connection.request("/track.js")?.status == 200)
        #expect(server.stop().status == 0)
        let events = try StoredEvent.all(in: directory.file("data"))
        #expect(events.map { $0["ip"] } == ["203.0.113.7", nil])
    }

    @Test(
        "a PROXY header names the client, and a proxy in front of it too if that is trusted",
        arguments: ["gate", "evhttp"])
    func proxyProtocol(_ mode: String) throws {
        let directory = TemporaryDirectory()
        let path = directory.file("s.sock")
        let server = try FootfallServer(
            data: directory.file("data"),
            [
                "--http", mode, "--proxy-protocol", "--listen", "unix:\(path)", "--ip-detail",
                "full",
                "--trusted-proxies", "127.0.0.1", "--trusted-proxies", "unix",
                "--trusted-proxies", "10.0.0.0/8",
            ])
        func hits(_ connection: HTTPConnection, _ header: String) {
            connection.send(header)
            let fields = ["X-Forwarded-For: 198.51.100.1"]
            #expect(connection.request("/track.js", fields)?.status == 200)
            #expect(connection.request("/demo/simple", fields)?.status == 200)
            let body = "Content-Length: 2\r\n\r\n{}"
            connection.send("POST /track HTTP/1.1\r\nHost: a\r\n\(fields[0])\r\n\(body)")
            #expect(connection.receive()?.status == 204)
        }
        hits(try server.connect(), "PROXY TCP4 203.0.113.7 192.0.2.1 1 2\r\n")
        hits(try server.connect(), "PROXY TCP4 10.1.2.3 192.0.2.1 1 2\r\n")
        hits(try server.connect(), "PROXY UNKNOWN\r\n")
        hits(try HTTPConnection(unix: path), "PROXY TCP6 2001:db8::7 ::1 1 2\r\n")
        // Not from a proxy: no header, and no belief.
        hits(try HTTPConnection(port: server.port, from: 2), "")
        for (client, header) in [(1, ""), (2, "PROXY TCP4 203.0.113.7 192.0.2.1 1 2\r\n")] {
            let connection = try HTTPConnection(port: server.port, from: UInt8(client))
            connection.send(header)
            #expect(connection.request("/track.js")?.status == 400)
        }
        #expect(server.stop().status == 0)
        let addresses = [
            "203.0.113.7", "198.51.100.1", "198.51.100.1", "2001:db8::7", "127.0.0.2",
        ]
        #expect(
            try StoredEvent.all(in: directory.file("data")).map { $0["ip"] }
                == addresses.flatMap { [$0, $0] })
    }

    @Test("the admin side shows whom a request is from, and why")
    func whoami() throws {
        let directory = TemporaryDirectory()
        let server = try FootfallServer(
            data: directory.path,
            ["--trusted-proxies", "127.0.0.0/8", "--trusted-proxies", "10.0.0.0/8"])
        func answer(_ fields: [String]) throws -> String? {
            let connection = try HTTPConnection(port: server.adminPort)
            return connection.request("/debug/whoami", fields)?.text
        }
        #expect(
            try answer([
                "X-Forwarded-For: \"x, 203.0.113.7", "X-Forwarded-For: 10.0.0.7",
                "X-Forwarded-Proto: https", "Forwarded: host=t.example;for=192.0.2.1",
            ]) == """
                {"peer":"127.0.0.1","peer_is_trusted":true,"forwarding_fields":\
                [["x-forwarded-for","\\"x, 203.0.113.7"],["x-forwarded-for","10.0.0.7"],\
                ["x-forwarded-proto","https"],["forwarded","host=t.example;for=192.0.2.1"]],\
                "address":"203.0.113.7","address_from":"x-forwarded-for","stored_ip":"203.0.113.0",\
                "host":"t.example","host_from":"forwarded","scheme":"https",\
                "scheme_from":"x-forwarded-proto"}

                """)
        let direct = try answer([])
        #expect(direct?.contains(#""address":"127.0.0.1","address_from":"peer""#) == true)
        #expect(
            direct?.contains(#""host_from":"host","scheme":"http","scheme_from":"peer""#) == true)
    }

    @Test("whoever forgets to name the proxy is told so once, and nobody else is")
    func solePeer() throws {
        func warnings(
            _ arguments: [String], hits: Int, _ field: String? = "X-Forwarded-For: 203.0.113.7",
            others: Int = 0, unix: Bool = false
        ) throws -> Int {
            let directory = TemporaryDirectory()
            let path = directory.file("s.sock")
            let server = try FootfallServer(
                data: directory.file("data"),
                ["--durability", "interval", "--loops", "1", "--listen", "unix:\(path)"]
                    + arguments)
            let fields = field.map { [$0] } ?? []
            let other = try server.connect()
            for _ in 0..<others { _ = other.request("/track.js", fields) }
            let from =
                try unix
                ? HTTPConnection(unix: path) : HTTPConnection(port: server.port, from: 3)
            for _ in 0..<hits { #expect(from.request("/track.js", fields)?.status == 200) }
            return server.stop().errors
                .components(separatedBy: "all of the first 1000 hits came from 127.0.0.3").count - 1
        }
        #expect(try warnings([], hits: 999) == 0)
        #expect(try warnings([], hits: 2500) == 1)
        #expect(try warnings([], hits: 1000, "Forwarded: for=203.0.113.7") == 1)
        #expect(try warnings([], hits: 1500, nil) == 0)
        #expect(try warnings([], hits: 1500, others: 1) == 0)
        #expect(try warnings([], hits: 1500, unix: true) == 0)
        #expect(try warnings(["--trusted-proxies", "10.0.0.1"], hits: 1500) == 0)
    }

    @Test("what is no proxy is a mistake in the configuration")
    func invalid() throws {
        let result = try FootfallBinary.run("check", "--trusted-proxies", "10.0.0.0/99")
        #expect(result.status == 64)
        #expect(result.errors.contains("'10.0.0.0/99': expected an address, a block such as"))
    }
}
