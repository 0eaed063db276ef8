import Foundation
import TestSupport
import Testing

/// The files in `Deploy`, in the proxies that they are for: whose hit it is.
@Suite struct DeployTests {
    /// A proxy with its file, of which a test changes only ports and certificates.
    enum Proxy: String, CaseIterable, CustomTestStringConvertible {
        case nginx = "nginx"
        case haproxy = "HAProxy"
        case haproxyWithHeaders1 = "HAProxy with PROXY v1"
        case haproxyWithHeaders2 = "HAProxy with PROXY v2"
        case caddy = "Caddy"

        var testDescription: String { rawValue }

        var program: String {
            switch self {
            case .nginx: "nginx"
            case .caddy: "caddy"
            default: "haproxy"
            }
        }

        /// What its line for the collector has for the PROXY protocol; nil without it.
        var proxyProtocol: String? {
            switch self {
            case .haproxyWithHeaders1: "send-proxy"
            case .haproxyWithHeaders2: "send-proxy-v2-ssl"
            default: nil
            }
        }

        private var file: String {
            switch self {
            case .nginx: "nginx.conf"
            case .caddy: "Caddyfile"
            default: "haproxy.cfg"
            }
        }

        /// What a test changes in the file.
        private func changes(
            port: UInt16, upstream: UInt16, _ directory: TemporaryDirectory
        ) -> [(old: String, new: String)] {
            let pem = directory.file("stats.pem")
            return switch self {
            case .nginx:
                [
                    ("127.0.0.1:8000;", "127.0.0.1:\(upstream);"),
                    ("listen 80;", "listen unix:80;"),
                    ("listen 443 ssl", "listen 127.0.0.1:\(port) ssl"),
                    ("listen [::]:80;", ""), ("listen [::]:443 ssl http2;", ""),
                    ("/etc/ssl/stats.example.pem", pem), ("/etc/ssl/stats.example.key", pem),
                ]
            case .haproxy, .haproxyWithHeaders1, .haproxyWithHeaders2:
                [
                    (
                        "server footfall 127.0.0.1:8000\n",
                        "server footfall 127.0.0.1:\(upstream) \(proxyProtocol ?? "")\n"
                    ),
                    ("bind :::80 v4v6\n", "\n"),
                    ("bind :::443 v4v6", "bind 127.0.0.1:\(port)"),
                    ("/etc/ssl/stats.example.pem", pem),
                ]
            case .caddy:
                [
                    (
                        "stats.example {",
                        """
                        {
                            admin off
                            auto_https off
                            storage file_system \(directory.file("caddy"))
                        }
                        https://stats.example:\(port) {
                            bind 127.0.0.1
                            tls \(pem) \(pem)
                        """
                    ),
                    ("127.0.0.1:8000 {", "127.0.0.1:\(upstream) {"),
                ]
            }
        }

        func start(
            port: UInt16, upstream: UInt16, in directory: TemporaryDirectory
        ) throws -> ChildProcess {
            let source = FootfallBinary.packageDirectory.appending(path: "Deploy/\(file)")
            var text = try String(contentsOf: source, encoding: .utf8)
            for (old, new) in changes(port: port, upstream: upstream, directory) {
                let range = try #require(text.range(of: old), "\(file) has no '\(old)'")
                text.replaceSubrange(range, with: new)
            }
            try directory.write(Array(text.utf8), to: file)
            switch self {
            case .nginx:
                try directory.write(Array(Self.nginxMain.utf8), to: "main.conf")
                return try ChildProcess(
                    ["nginx", "-p", directory.path, "-c", "main.conf", "-e", "error.log"])
            case .caddy:
                return try ChildProcess(
                    ["caddy", "run", "--config", directory.file(file), "--adapter", "caddyfile"],
                    environment: ["HOME": directory.path])
            default: return try ChildProcess(["haproxy", "-db", "-f", directory.file(file)])
            }
        }

        /// What Debian's nginx.conf has around such a file, and what must not be shared.
        private static let nginxMain = """
            worker_processes 1;
            daemon off;
            pid nginx.pid;
            error_log error.log;
            events {}
            http {
                client_body_temp_path body;
                proxy_temp_path proxy;
                fastcgi_temp_path fastcgi;
                uwsgi_temp_path uwsgi;
                scgi_temp_path scgi;
                include nginx.conf;
            }

            """
    }

    @Test("Vector's file is TOML, takes lines as long as an event can be, and leads somewhere")
    func vector() throws {
        let path = FootfallBinary.packageDirectory.appending(path: "Deploy/vector.toml").path
        let script = """
            import json, sys, tomllib
            for line in sys.stdin:
                with open(bytes.fromhex(line), "rb") as file:
                    print(json.dumps(tomllib.load(file)))
            """
        let lines = try Python.run(script, on: [Array(path.utf8)])
        let parsed = try JSONSerialization.jsonObject(with: Data(lines.joined().utf8))
        let file = try #require(parsed as? [String: [String: [String: Any]]])
        let source = try #require(file["sources"]?["footfall"])
        #expect(source["type"] as? String == "stdin")
        // The greatest event_bytes_max by default, with its sequence and proof.
        #expect(source["max_length"] as? Int ?? 0 > 256 * 1024 + 100)
        #expect(file["sinks"]?["hits"]?["inputs"] as? [String] == ["footfall"])
    }

    @Test(
        "the collector knows the client, its host and scheme, and believes no client",
        .enabled(
            if: ["nginx", "haproxy", "caddy", "openssl", "curl"].allSatisfy { isInstalled($0) },
            "nginx, HAProxy, Caddy, openssl or curl is not installed"),
        arguments: Proxy.allCases)
    func client(_ kind: Proxy) throws {
        let directory = TemporaryDirectory()
        try Certificate.make(for: "stats.example", in: directory, file: "stats.pem")
        let server = try FootfallServer(
            data: directory.file("data"),
            ["--trusted-proxies", "127.0.0.1", "--ip-detail", "full", "--loops", "1"]
                + (kind.proxyProtocol == nil ? [] : ["--proxy-protocol"]))
        let port = try freePort()
        let proxy = try kind.start(port: port, upstream: server.port, in: directory)
        defer { proxy.signal(SIGTERM) }
        try waitUntilListening(port, proxy)

        // From the address 127.0.0.5, who tells lies.
        let url = "https://stats.example:\(port)"
        let curl = [
            "curl", "-sS", "-i", "-k", "--resolve", "stats.example:\(port):127.0.0.1",
            "--interface", "127.0.0.5", "-H", "X-Forwarded-For: 198.51.100.1",
            "-H", "X-Forwarded-Host: evil.example", "-H", "X-Forwarded-Proto: http",
            "-H", "Forwarded: for=198.51.100.1;host=evil.example;proto=http",
        ]
        for version in ["--http1.1", "--http2"] {
            let hit = try ChildProcess.run(curl + [version, "\(url)/track.js?s=x%20y"])
            #expect(hit.status == 0, "\(hit.errors)\(proxy.errors)")
            // Version 1 says nothing of TLS.
            let isSecure = hit.output.contains("; Secure; SameSite=None; Partitioned")
            #expect(isSecure == (kind != .haproxyWithHeaders1), "\(hit.output)")
            let beacon = try ChildProcess.run(
                curl + [
                    version, "-H", "Content-Type: application/json", "-d", #"[{"a":1},{"a":2}]"#,
                    "\(url)/track",
                ])
            #expect(beacon.output.contains(#"{"stored":2,"invalid":[]}"#), "\(beacon.output)")
        }
        proxy.signal(SIGTERM)
        _ = proxy.waitForEnd(seconds: 10)
        #expect(server.stop().status == 0)
        let events = try StoredEvent.all(in: directory.file("data"))
        #expect(events.count == 6)
        for event in events {
            #expect(event["ip"] == "127.0.0.5")
            #expect(event["host"]?.split(separator: ":").first == "stats.example")
        }
        #expect(events.first?.params == ["s": "x y"])
    }
}
