import Foundation
import TestSupport
import Testing

@testable import EventHTTP

/// Headers of the PROXY protocol, put together byte by byte.
enum ProxyHeaders {
    static let signature: [UInt8] = [
        0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a,
    ]
    static let ports: [UInt8] = [0x12, 0x67, 0x01, 0xbb]
    static let ipv4: [UInt8] = [203, 0, 113, 7, 192, 0, 2, 1] + ports
    static let ipv6 = address(7) + address(1) + ports
    static let unix = [UInt8](repeating: 0x2f, count: 216)

    private static func address(_ last: UInt8) -> [UInt8] {
        [0x20, 0x01, 0x0d, 0xb8] + [UInt8](repeating: 0, count: 11) + [last]
    }

    /// Version 2, by default of TCP over IPv4.
    static func version2(
        _ command: UInt8 = 0x21, _ family: UInt8 = 0x11, _ rest: [UInt8] = ipv4, length: Int? = nil
    ) -> [UInt8] {
        let length = length ?? rest.count
        return signature + [command, family, UInt8(length >> 8), UInt8(length & 0xff)] + rest
    }

    /// Version 2 of TCP over IPv4 with these bytes from the addresses on.
    static func version2(_ rest: [UInt8]) -> [UInt8] { version2(0x21, 0x11, rest) }

    /// A value with its type and its length.
    static func value(_ type: UInt8, _ bytes: [UInt8], length: Int? = nil) -> [UInt8] {
        let length = length ?? bytes.count
        return [type, UInt8(length >> 8), UInt8(length & 0xff)] + bytes
    }

    /// What says of a client whether it spoke TLS, with the version of TLS behind it.
    static func tls(_ client: UInt8) -> [UInt8] {
        value(0x20, [client, 0, 0, 0, 0] + value(0x21, Array("TLSv1.3".utf8)))
    }
}

@Suite struct ProxyHeaderTests {
    typealias Make = ProxyHeaders

    private enum Outcome: Equatable {
        case unfinished, refused
        case found(ProxyHeader)
    }

    private func parse(_ bytes: [UInt8]) -> Outcome {
        bytes.withUnsafeBufferPointer { buffer in
            do throws(RequestRefusal) {
                return try ProxyHeader(beginning: buffer).map { .found($0) } ?? .unfinished
            } catch {
                #expect(error == .proxyProtocol)
                return .refused
            }
        }
    }

    private static func line(_ text: String) -> [UInt8] { Array((text + "\r\n").utf8) }

    private static let longest = String(
        repeating: "x", count: 107 - "PROXY UNKNOWN \r\n".utf8.count)

    static let valid: [(header: [UInt8], address: String?, isSecure: Bool)] = [
        (line("PROXY TCP4 203.0.113.7 192.0.2.1 4711 443"), "203.0.113.7", false),
        (line("PROXY TCP4 0.0.0.0 255.255.255.255 0 65535"), "0.0.0.0", false),
        (line("PROXY TCP6 2001:DB8:0::7 ::1 1 2"), "2001:db8::7", false),
        (line("PROXY TCP6 ::ffff:203.0.113.7 ::ffff:192.0.2.1 1 2"), "203.0.113.7", false),
        (
            line(
                "PROXY TCP6 "
                    + Array(repeating: "ffff:ffff:ffff:ffff", count: 2).joined(
                        separator: ":") + " ::1 65535 65535"),
            "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false
        ),
        (line("PROXY UNKNOWN"), nil, false), (line("PROXY UNKNOWN what \0 ever"), nil, false),
        (line("PROXY UNKNOWN \(longest)"), nil, false),
        (Make.version2(), "203.0.113.7", false),
        (Make.version2(0x21, 0x21, Make.ipv6), "2001:db8::7", false),
        (
            Make.version2(
                0x21, 0x21,
                [UInt8](repeating: 0, count: 10) + [0xff, 0xff, 203, 0, 113, 7]
                    + Make.ipv6.suffix(20)), "203.0.113.7", false
        ),
        (Make.version2(0x21, 0x31, Make.unix), "", false),
        // Of what came over QUIC.
        (Make.version2(0x21, 0x12), "203.0.113.7", false),
        // A health check, whatever it says.
        (Make.version2(0x20, 0x00, []), nil, false), (Make.version2(0x20, 0x11), nil, false),
        (Make.version2(0x20, 0xff, Make.tls(1) + [9]), nil, false),
        // Nothing is known of the client.
        (Make.version2(0x21, 0x00, []), nil, false),
        (Make.version2(0x21, 0x00, Make.tls(1)), nil, false),
        (Make.version2(0x21, 0x10, [1, 2, 3]), nil, false), (Make.version2(0x21, 0x01), nil, false),
        (Make.version2(rest(Make.tls(1))), "203.0.113.7", true),
        (Make.version2(rest(Make.tls(7))), "203.0.113.7", true),
        (Make.version2(rest(Make.tls(0))), "203.0.113.7", false),
        (Make.version2(rest(Make.tls(6))), "203.0.113.7", false),
        (Make.version2(rest(Make.value(0x04, []) + Make.tls(1))), "203.0.113.7", true),
        (Make.version2(rest(Make.value(0x04, Make.tls(1)))), "203.0.113.7", false),
        (Make.version2(rest(Make.value(0xea, [1]) + Make.value(0x04, [0]))), "203.0.113.7", false),
        (Make.version2(0x21, 0x31, Make.unix + Make.tls(1)), "", true),
        // The longest one.
        (
            Make.version2(rest(Make.value(0x04, [UInt8](repeating: 1, count: 536 - 28 - 3)))),
            "203.0.113.7", false
        ),
    ]

    private static func rest(_ values: [UInt8]) -> [UInt8] { Make.ipv4 + values }

    @Test("a header is found as soon as it is whole, and what follows does not matter")
    func found() {
        for (header, address, isSecure) in Self.valid {
            for count in 0..<header.count where parse(Array(header[..<count])) != .unfinished {
                Issue.record("\(count) of \(header)")
            }
            for more in [[], Array("GET / HTTP/1.1\r\n\r\n".utf8), [0x0d, 0x0a], header] {
                guard case .found(let found) = parse(header + more) else {
                    Issue.record("\(header)")
                    continue
                }
                #expect(found.bytes == header.count)
                #expect(found.address == address, "\(header)")
                #expect(found.isSecure == isSecure, "\(header)")
            }
        }
    }

    static let malformedLines = [
        "GET / HTTP/1.1", "PROXY", "PROXY ", "PROXY TCP4", "PROXY  TCP4 1.2.3.4 1.2.3.4 1 2",
        "PROXY TCP4 1.2.3.4 1.2.3.4 1", "PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3",
        "PROXY TCP4 1.2.3.4 1.2.3.4 1 2 ", "PROXY TCP4 1.2.3.4  1.2.3.4 1 2",
        "PROXY TCP5 1.2.3.4 1.2.3.4 1 2", "PROXY tcp4 1.2.3.4 1.2.3.4 1 2",
        "Proxy TCP4 1.2.3.4 1.2.3.4 1 2", "PROXY\tTCP4 1.2.3.4 1.2.3.4 1 2",
        "PROXY TCP4 1.2.3.4\t1.2.3.4 1 2", "PROXY UNKNOWNS", "PROXY unknown",
        "PROXY TCP4 1.2.3.04 1.2.3.4 1 2", "PROXY TCP4 1.2.3.256 1.2.3.4 1 2",
        "PROXY TCP4 1.2.3 1.2.3.4 1 2", "PROXY TCP4 1.2.3.4 1.2.3.4.5 1 2",
        "PROXY TCP4 1.2.3.4 nowhere 1 2", "PROXY TCP4 ::1 ::1 1 2", "PROXY TCP4 1.2.3.4 ::1 1 2",
        "PROXY TCP6 1.2.3.4 1.2.3.4 1 2", "PROXY TCP6 ::1 1.2.3.4 1 2",
        "PROXY TCP6 1::2::3 ::1 1 2", "PROXY TCP6 fe80::1%lo ::1 1 2",
        "PROXY TCP6 [::1] ::1 1 2", "PROXY TCP4 1.2.3.4\0 1.2.3.4 1 2",
        "PROXY TCP4 1.2.3.4 1.2.3.4 65536 2", "PROXY TCP4 1.2.3.4 1.2.3.4 1 01",
        "PROXY TCP4 1.2.3.4 1.2.3.4 00 1", "PROXY TCP4 1.2.3.4 1.2.3.4 -1 1",
        "PROXY TCP4 1.2.3.4 1.2.3.4 +1 1", "PROXY TCP4 1.2.3.4 1.2.3.4 1 0x1",
        "PROXY UNKNOWN \r", "PROXY UNKNOWN\r x", "PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r",
        "PROXY UNKNOWN \(longest)x",
    ]

    static let malformed: [[UInt8]] =
        malformedLines.map { line($0) } + [
            Array("PROXY UNKNOWN\n".utf8), Array("PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n".utf8),
            Array("\r\nPROXY UNKNOWN\r\n".utf8), Array("\nPROXY UNKNOWN\r\n".utf8),
            Array("PROXY UNKNOWN \(longest)".utf8) + [0x20, 0x20],
            // Another version, command, family, transport.
            Make.version2(0x11), Make.version2(0x31), Make.version2(0x01), Make.version2(0x22),
            Make.version2(0x2f), Make.version2(0x21, 0x41), Make.version2(0x21, 0x13),
            Make.version2(0x21, 0x1f), Make.version2(0x21, 0xf0),
            // Too short for its addresses.
            Make.version2(Array(Make.ipv4.dropLast())), Make.version2([]),
            Make.version2(0x21, 0x21, Make.ipv4), Make.version2(0x21, 0x31, Make.ipv6),
            // Too long, also of a health check.
            Make.version2(rest(Make.value(0x04, [UInt8](repeating: 1, count: 536 - 28 - 2)))),
            Make.version2(0x20, 0x00, [], length: 521), Make.version2(0x21, 0x11, length: 0xffff),
            // Values that end too late or too early.
            Make.version2(rest([0x04])), Make.version2(rest([0x04, 0])),
            Make.version2(rest(Make.value(0x04, [1], length: 2))),
            Make.version2(rest(Make.value(0x04, [1], length: 0xffff))),
            Make.version2(rest(Make.tls(1) + [0x04])),
            Make.version2(rest(Make.value(0x20, [1, 0, 0, 0]))),
            Make.version2(rest(Make.value(0x20, []))),
        ]
        + Make.signature.indices.map { index in
            var header = Make.version2()
            header[index] ^= 0x20
            return header
        }

    @Test("what is malformed is refused, and no part of it is taken for a header")
    func refused() {
        for header in Self.malformed {
            #expect(parse(header) == .refused, "\(String(decoding: header, as: UTF8.self))")
            for count in 0..<header.count {
                guard case .found = parse(Array(header[..<count])) else { continue }
                Issue.record("\(count) of \(header)")
            }
        }
    }

    @Test("what cannot become a header is refused at its first wrong byte")
    func early() {
        for text in ["G", "Q", "\n", "PROXY\t", "PROX ", "\r\r", "\r\n\r\n\r"] {
            #expect(parse(Array(text.utf8)) == .refused, "\(text.debugDescription)")
        }
        #expect(parse(Array(Make.version2(0x11).prefix(16))) == .refused)
        #expect(parse(Array(Make.version2(0x21, 0x11, length: 521).prefix(16))) == .refused)
    }

    // MARK: - At the gate

    private static let requests =
        "GET /hit?a HTTP/1.1\r\nHost: a\r\n\r\n"
        + "POST /page HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi"

    @Test(
        "the address is the client's for every request of the connection, however the bytes come",
        arguments: GateTests.ways)
    func gate(_ handsOverAll: Bool) throws {
        let server = try TestServer(handsOverAll: handsOverAll, sendsProxyHeader: true)
        let headers = [
            (Self.line("PROXY TCP6 2001:db8::7 ::1 1 2"), "2001:db8::7", ""),
            (Make.version2(Self.rest(Make.tls(1))), "203.0.113.7", " TLS"),
            (Make.version2(0x20, 0x00, []), "127.0.0.1", ""),
            (Make.version2(0x21, 0x31, Make.unix), "", ""),
        ]
        for (header, address, tls) in headers {
            let bytes = header + Array(Self.requests.utf8)
            let cuts = Set(stride(from: 1, to: bytes.count, by: 7)).union([header.count])
            for cut in cuts.sorted() {
                let connection = try server.connect()
                connection.send(Array(bytes[..<cut]))
                usleep(300)
                connection.send(Array(bytes[cut...]))
                for start in ["GET /hit?a 1.1", "POST /page? 1.1"] {
                    let text = connection.receive()?.text
                    #expect(
                        text?.hasPrefix("\(start)\(tls)\npeer=\(address) host=a") == true,
                        "\(header), \(cut): \(text ?? "")")
                }
            }
        }
    }

    @Test("a header comes byte by byte too")
    func byteByByte() throws {
        let server = try TestServer(sendsProxyHeader: true)
        let connection = try server.connect()
        for byte in Make.version2() + Array(Self.requests.utf8) {
            connection.send([byte])
            usleep(200)
        }
        #expect(connection.receive()?.text.contains("peer=203.0.113.7") == true)
    }

    @Test(
        "a connection that has to have a header and has none, or two, is refused",
        arguments: GateTests.ways)
    func missing(_ handsOverAll: Bool) throws {
        let server = try TestServer(handsOverAll: handsOverAll, sendsProxyHeader: true)
        let header = Make.version2()
        let starts = [
            [], Self.line("PROXY TCP4 1.2.3.4 1.2.3.4 1"), header + header, [0x0d, 0x0a],
        ]
        for start in starts {
            let connection = try server.connect()
            connection.send(start + Array(Self.requests.utf8))
            let reply = connection.receive()
            #expect(reply?.status == 400, "\(start)")
            #expect(reply?["connection"] == "close")
            #expect(connection.isClosedByServer())
        }
        // One that ends before its header does is just closed.
        let connection = try server.connect()
        connection.send(Array(header.dropLast()))
        connection.finishSending()
        #expect(connection.isClosedByServer())
    }

    @Test("a connection that may not have a header is refused with one", arguments: GateTests.ways)
    func unexpected(_ handsOverAll: Bool) throws {
        let server = try TestServer(handsOverAll: handsOverAll)
        for header in [Self.line("PROXY TCP4 1.2.3.4 1.2.3.4 1 2"), Make.version2()] {
            let connection = try server.connect()
            connection.send(header + Array(Self.requests.utf8))
            #expect(connection.receive()?.status == 400)
            #expect(connection.isClosedByServer())
        }
    }

    @Test("a header that does not come to an end is refused with 408")
    func deadline() throws {
        var limits = HTTPLimits()
        limits.headSeconds = 1
        let server = try TestServer(limits: limits, sendsProxyHeader: true)
        let connection = try server.connect()
        connection.send("PROXY UNKNOWN ")
        let deadline = Date().addingTimeInterval(8)
        // A trickle does not put it off.
        while Date() < deadline, connection.send("x") { usleep(100_000) }
        #expect(Date() < deadline)
        #expect(connection.receive()?.status == 408)
    }
}
