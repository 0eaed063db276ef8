import Foundation
import TestSupport
import Testing

/// A reverse proxy as operators have it in front of the collector, with connections to it that stay
/// open for the requests of many clients.
enum ReverseProxy: String, CaseIterable, CustomTestStringConvertible {
    case nginx, haproxy

    var testDescription: String { rawValue }

    /// Starts it, listening on `port`, for a collector on `upstream`. Clients are given up after a
    /// second. Its log has a line for each request: what became of it, the status and the target.
    func start(port: UInt16, upstream: UInt16, in directory: TemporaryDirectory) throws
        -> ChildProcess
    {
        switch self {
        case .nginx:
            let text = """
                worker_processes 1;
                daemon off;
                pid nginx.pid;
                error_log error.log;
                events {}
                http {
                    log_format request escape=none '$upstream_status;$status;$request_uri';
                    access_log access.log request;
                    client_header_timeout 1s;
                    client_body_timeout 1s;
                    keepalive_timeout 1s;
                    client_body_temp_path body;
                    proxy_temp_path proxy;
                    fastcgi_temp_path fastcgi;
                    uwsgi_temp_path uwsgi;
                    scgi_temp_path scgi;
                    upstream footfall {
                        server 127.0.0.1:\(upstream);
                        keepalive 4;
                    }
                    server {
                        listen 127.0.0.1:\(port);
                        location / {
                            proxy_pass http://footfall;
                            proxy_http_version 1.1;
                            proxy_set_header Connection "";
                            proxy_next_upstream off;
                        }
                    }
                }

                """
            try directory.write(Array(text.utf8), to: "nginx.conf")
            return try ChildProcess(
                ["nginx", "-p", directory.path, "-c", "nginx.conf", "-e", "error.log"])
        case .haproxy:
            let text = """
                global
                    # Of two threads that log at once one may give its line up.
                    nbthread 1
                    log stdout format raw local0
                defaults
                    mode http
                    log global
                    # %ts is "--" when nothing went wrong between client, proxy and collector.
                    log-format "%ts;%ST;%HU"
                    option http-keep-alive
                    http-reuse always
                    retries 0
                    timeout connect 5s
                    timeout server 5s
                    timeout client 1s
                    timeout http-request 1s
                    timeout http-keep-alive 1s
                frontend pages
                    bind 127.0.0.1:\(port)
                    default_backend footfall
                backend footfall
                    server footfall 127.0.0.1:\(upstream)

                """
            try directory.write(Array(text.utf8), to: "haproxy.cfg")
            return try ChildProcess(["haproxy", "-db", "-f", directory.file("haproxy.cfg")])
        }
    }

    /// The targets of the requests that the collector answered with 200, as the log has them, and of
    /// those that were passed on and whose reply did not come back.
    func passed(
        _ process: ChildProcess, in directory: TemporaryDirectory
    ) throws -> (answered: [String], uncertain: [String]) {
        let log =
            self == .nginx
            ? String(decoding: try directory.bytes("access.log"), as: UTF8.self) : process.output
        var answered: [String] = []
        var uncertain: [String] = []
        for line in log.split(separator: "\n") {
            let parts = line.split(separator: ";", maxSplits: 2)
            guard parts.count == 3 else { continue }
            let target = self == .nginx ? String(parts[2]) : Self.decoded(parts[2])
            // nginx names the status of each attempt, and none if it passed nothing on.
            let statuses = self == .nginx ? parts[0].components(separatedBy: ", ") : ["\(parts[1])"]
            for status in statuses {
                if status == "200" { answered.append(target) }
                let isLost = status == "499" || status == "-1" || status.hasPrefix("5")
                if isLost || (status == "-" && statuses.count > 1) { uncertain.append(target) }
            }
        }
        return (answered, uncertain)
    }

    /// HAProxy writes what might be misread in its log as a hash and two digits.
    private static func decoded(_ text: Substring) -> String {
        String(text).replacing(/#([0-9A-F]{2})/) { match -> String in
            UInt8(match.1, radix: 16).map { String(UnicodeScalar($0)) } ?? ""
        }
    }

    static var areInstalled: Bool {
        allCases.allSatisfy { (try? ChildProcess.run([$0.rawValue, "-v"]).status) == 0 }
    }
}

/// Nobody can make the collector count another number of requests than the proxy in front of it
/// passed on.
@Suite(.enabled(if: ReverseProxy.areInstalled, "nginx or HAProxy is not installed"))
struct ProxyTests {
    private static let smuggled = "GET /track.js?smuggled HTTP/1.1\r\nHost: a\r\n\r\n"

    /// Requests whose content is a hit, or would be if somebody misread where it ends.
    private static let seeds: [String] = {
        let length = smuggled.utf8.count
        let size = String(length, radix: 16)
        let chunks = "\(size)\r\n\(smuggled)\r\n0\r\n\r\n"
        let fields = [
            "Content-Length: \(length)\r\n\r\n" + smuggled,
            "Transfer-Encoding: chunked\r\n\r\n" + chunks,
            "Content-Length: \(chunks.utf8.count)\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks,
            "Content-Length: 0\r\nContent-Length: \(length)\r\n\r\n" + smuggled,
            "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled,
            "Transfer-Encoding: chunked\r\n\r\n\(size);x=y\r\n\(smuggled)\r\n0\r\nA: b\r\n\r\n",
            "Transfer-Encoding : chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" + smuggled,
            "Transfer-Encoding: xchunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" + smuggled,
            "Content-Length: +\(length)\r\n\r\n" + smuggled,
            "X: y\r\n\r\n" + smuggled,
        ]
        return fields.flatMap { fields in
            ["POST", "GET"].map { "\($0) /track.js?n HTTP/1.1\r\nHost: a\r\n\(fields)" }
        }
    }()

    @Test("no mutation changes how many requests are counted", arguments: ReverseProxy.allCases)
    func mutations(_ kind: ReverseProxy) throws {
        let seed = SeededRandom.newSeed()
        print("seed \(seed)")
        var random = SeededRandom(seed: seed)
        let directory = TemporaryDirectory()
        let server = try FootfallServer(
            data: directory.file("data"),
            // So that a 200 is a hit's.
            ["--loops", "1", "--durability", "interval", "--no-demo"])
        let port = try freePort()
        let proxy = try kind.start(port: port, upstream: server.port, in: directory)
        try waitUntilListening(port, proxy)

        var sent = 0
        var asked = 0
        var clean = 0
        for _ in 0..<2 {
            let connections = try (0..<500).map { index in
                let connection = try HTTPConnection(port: port)
                let request = Self.seeds.randomElement(using: &random) ?? ""
                connection.send(mutated(Array(request.utf8), atMost: 2, using: &random))
                sent += 1
                // In between, replies go to those who asked, or on a busy machine to nobody.
                if index % 5 == 0 {
                    asked += 1
                    switch try cookie(from: HTTPConnection(port: port), &random) {
                    case .own: clean += 1
                    case .another(let reply): Issue.record("\(reply), seed \(seed)")
                    case .none: break
                    }
                }
                return connection
            }
            // The proxy ends each, at the latest when its time is over.
            for connection in connections { _ = connection.receiveAll() }
        }
        #expect(clean > asked - 10, "seed \(seed)")
        #expect(server.stop().status == 0)
        proxy.signal(SIGTERM)
        _ = proxy.waitForEnd(seconds: 10)

        func counts(_ queries: [String]) -> [String: Int] {
            Dictionary(grouping: queries) { $0 }.mapValues(\.count)
        }
        func query(_ target: String) -> String {
            target.split(separator: "?", maxSplits: 1).dropFirst().joined()
        }
        let (answered, uncertain) = try kind.passed(proxy, in: directory)
        let least = counts(answered.map { query($0) })
        let more = counts(uncertain.map { query($0) })
        let counted = try StoredEvent.all(in: directory.file("data")).map { $0["query"] ?? "" }
        for (query, count) in counts(counted) {
            #expect(count >= least[query] ?? 0, "\(query), seed \(seed)")
            #expect(count <= (least[query] ?? 0) + (more[query] ?? 0), "\(query), seed \(seed)")
        }
        #expect(Set(least.keys).subtracting(counted).isEmpty, "seed \(seed)")
        #expect(uncertain.count < sent / 20, "seed \(seed)")
        // Some were broken, some were not.
        #expect(counted.count > clean + 20)
    }

    private enum Cookie {
        case own, another(String), none
    }

    /// Whose cookie a hit with one of its own gets; none if the proxy gave the hit up.
    private func cookie(
        from connection: HTTPConnection, _ random: inout SeededRandom
    ) throws -> Cookie {
        let digits = (0..<8).map { _ in String(format: "%04x", Int(random.next() & 0xffff)) }
        let parts = [
            digits[0...1].joined(), digits[2], digits[3], digits[4], digits[5...7].joined(),
        ]
        let text = parts.joined(separator: "-")
        let reply = connection.request("/track.js?clean=\(text)", ["Cookie: id=\(text)"])
        guard let reply, reply.status < 500, reply.status != 408 else { return .none }
        let isOwn = reply["set-cookie"]?.hasPrefix("id=\(text);") == true
        return isOwn ? .own : .another("\(text) got \(reply)")
    }
}

/// A port of 127.0.0.1 that nobody listens on just now.
func freePort() throws -> UInt16 {
    let probe = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(probe) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let found = withUnsafeMutablePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            bind(probe, $0, size) == 0 && getsockname(probe, $0, &size) == 0
        }
    }
    try #require(found)
    return UInt16(bigEndian: address.sin_port)
}

/// Waits until a process that was just started takes connections.
func waitUntilListening(_ port: UInt16, _ process: ChildProcess) throws {
    for _ in 0..<2000 where (try? HTTPConnection(port: port)) == nil {
        try #require(!process.hasEnded, "\(process.errors)")
        usleep(5000)
    }
}
