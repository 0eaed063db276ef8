import Testing
import Tracking

@testable import Collector
@testable import EventHTTP

/// Whether the client spoke TLS, after what proxies say.
@Suite struct SchemeTests {
    private static let peer = Array("10.0.0.1".utf8)

    private func isSecure(
        _ fields: [String], trusting proxies: [String], header: Bool = false
    ) throws -> Bool {
        let lines = ["GET / HTTP/1.1", "Host: a"] + fields
        let bytes = Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8)
        let parser = HeadParser(limits: HTTPLimits())
        let trusted = try #require(TrustedProxies(proxies))
        let head = try #require(try bytes.withUnsafeBufferPointer { try parser.parse($0) })
        let request = RequestHead(
            bytes: bytes.span,
            fields: UnsafeBufferPointer(rebasing: parser.fields[..<head.fieldCount]).span,
            peer: Self.peer.span, isSecure: header, parts: head.parts)
        return Client.with(request, trusted) { _, _, isSecure in isSecure }
    }

    @Test(
        "the nearest trusted proxy says whether it was asked over TLS",
        arguments: [
            ([], false), (["X-Forwarded-Proto: https"], true), (["x-forwarded-proto: HTTPS"], true),
            (["X-Forwarded-Proto: http"], false), (["X-Forwarded-Proto: https2"], false),
            (["X-Forwarded-Proto: \"https\""], false), (["X-Forwarded-Proto:"], false),
            // What stands in front of the nearest proxy's word, anybody may have written.
            (["X-Forwarded-Proto: https, http"], false),
            (["X-Forwarded-Proto: http ,\thttps "], true),
            (["X-Forwarded-Proto: https,"], false),
            (["X-Forwarded-Proto: https", "X-Forwarded-Proto: http"], false),
            (["X-Forwarded-Proto: http", "X-Forwarded-Proto: https"], true),
            (["Forwarded: for=192.0.2.9;proto=https"], true),
            (["Forwarded: Proto=\"HTTPS\";by=10.0.0.1"], true),
            (["Forwarded: proto=https, proto=http"], false),
            (["Forwarded: proto=https, for=192.0.2.9"], false),
            (["Forwarded: proto=http", "Forwarded: proto=https"], true),
            (["Forwarded: for=\"proto=https"], false),
            // A proxy that writes the one passes the other on as it came.
            (["Forwarded: proto=https", "X-Forwarded-Proto: http"], false),
            (["Forwarded: proto=http", "X-Forwarded-Proto: https"], true),
        ] as [([String], Bool)])
    func trusted(_ fields: [String], _ expected: Bool) throws {
        #expect(try isSecure(fields, trusting: ["10.0.0.0/8"]) == expected)
    }

    @Test(
        "a PROXY header says it of its client, and a proxy in front of that knows better",
        arguments: [
            ([], [], true), (["X-Forwarded-Proto: http"], [], true),
            ([], ["10.0.0.0/8"], true), (["X-Forwarded-Proto: http"], ["10.0.0.0/8"], false),
        ] as [([String], [String], Bool)])
    func header(_ fields: [String], _ proxies: [String], _ expected: Bool) throws {
        #expect(try isSecure(fields, trusting: proxies, header: true) == expected)
    }

    @Test("nobody else is believed", arguments: [[], ["192.0.2.0/24"], ["unix"]])
    func untrusted(_ proxies: [String]) throws {
        let fields = ["X-Forwarded-Proto: https", "Forwarded: proto=https"]
        #expect(try !isSecure(fields, trusting: proxies))
    }
}
