import Foundation
import TestSupport
import Testing

/// `footfall report` over logs that the real server has written.
@Suite struct ReportTests {
    private static let page = "https%3A%2F%2Fshop.example%2F%3Fa%3D1%2C2"

    /// A log of ten hits, and the server that has written it.
    private func served() throws -> (directory: TemporaryDirectory, server: FootfallServer) {
        let directory = TemporaryDirectory()
        let server = try FootfallServer(data: directory.path)
        let connection = try server.connect()
        let cookie = "Cookie: id=0b2d9ea4-29a6-4c6e-8a30-0d3ae8a8f9d8"
        let firefox = "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Firefox/150.0"
        let hits: [(target: String, fields: [String])] = [
            ("/track.js?s=shoes&u=\(Self.page)", [firefox]),
            ("/track.js?s=shoes&u=\(Self.page)&utm_source=mail", [firefox, cookie]),
            ("/track.js?s=shoes", [firefox, cookie, "Referer: https://blog.example/"]),
            ("/track.js?s=%3Cscript%3Ealert(1)%3C/script%3E%22%2C%0A", [cookie]),
            ("/track.js?s=%3Cscript%3Ealert(1)%3C/script%3E%22%2C%0A", [firefox, "Sec-GPC: 1"]),
            ("/track.gif?s=gr%C3%B6%C3%9Fe", [cookie, "Accept-Language: de-DE,de;q=0.8"]),
            ("/track.gif?e=6f1d2c36-5a3f-4d7c-9f43-98c7bfb0b3a1", [cookie]),
            ("/track.gif?e=6f1d2c36-5a3f-4d7c-9f43-98c7bfb0b3a1", [cookie]),
            ("/track.gif", ["User-Agent: curl/8.0"]),
        ]
        for hit in hits {
            #expect(connection.request(hit.target, hit.fields)?.status == 200)
        }
        return (directory, server)
    }

    private func report(
        _ directory: TemporaryDirectory, _ arguments: String...
    ) throws -> String {
        let result = try ChildProcess.run(
            [FootfallBinary.path, "report", "--data", directory.path] + arguments)
        #expect(result.status == 0, "\(result.errors)")
        #expect(result.errors == "")
        return result.output
    }

    @Test("text tells of a log that is being written, and of the same one sealed and compressed")
    func text() throws {
        let (directory, server) = try served()
        let expected = """
            hits  visitors  new  returning  search
               3         2    1          1  shoes
               2         1    0          1  <script>alert(1)</script>",\\u{a}
               1         1    0          1  größe

            9 events read: 8 hits counted, 1 retried; 3 visitors (2 new, 1 returning)
            2 hits without search

            """
        #expect(try report(directory, "--by", "search") == expected)
        #expect(server.stop().status == 0)
        #expect(try report(directory, "--by", "search") == expected)
        let segment = directory.file("events/00000000000000000001.ndjson")
        #expect(try ChildProcess.run(["zstd", "-q", "--rm", segment]).status == 0)
        #expect(try report(directory, "--by", "search") == expected)
    }

    @Test("a damaged compressed segment is passed over, and said so")
    func damaged() throws {
        let (directory, server) = try served()
        server.stop()
        let segment = directory.file("events/00000000000000000001.ndjson")
        #expect(try ChildProcess.run(["zstd", "-q", "--rm", segment]).status == 0)
        var bytes = try Array(Data(contentsOf: URL(filePath: segment + ".zst")))
        bytes[bytes.count / 2] ^= 0xff
        try Data(bytes).write(to: URL(filePath: segment + ".zst"))
        let next = try FootfallServer(data: directory.path)
        #expect(try next.connect().request("/track.js?s=boots")?.status == 200)
        let output = try report(directory, "--by", "search")
        #expect(output.contains("1         1    1          0  boots\n"))
        #expect(
            output.contains("1 damaged segment not read to the end: see footfall verify\n"))
    }

    @Test("JSON is one object with the keys that the README names, and what was asked for")
    func json() throws {
        let (directory, server) = try served()
        server.stop()
        let output = try report(
            directory, "--by", "page", "--where", "browser=Firefox", "--where", "privacy=",
            "--since", "1h", "--top", "1", "--format", "json")
        let parsed = try JSONSerialization.jsonObject(with: Data(output.utf8))
        let object = try #require(parsed as? [String: Any])
        #expect(object["by"] as? String == "page")
        #expect(object["where"] as? [String] == ["browser=Firefox", "privacy="])
        #expect(object["hits"] as? Int == 3)
        #expect(object["visitors"] as? Int == 2)
        #expect(object["visitors_error"] as? Int == 0)
        #expect(object["values"] as? Int == 2)
        let rows = try #require(object["rows"] as? [[String: Any]])
        #expect(rows.map { $0["value"] as? String } == ["https://shop.example/?a=1,2"])
        #expect(rows.map { $0["hits"] as? Int } == [2])
        let readme = try String(
            contentsOf: FootfallBinary.packageDirectory.appending(path: "README.md"),
            encoding: .utf8)
        for key in object.keys where key != "since" {
            #expect(readme.contains("`\(key)`"), "\(key)")
        }
    }

    @Test("CSV is read by another program as it was meant")
    func csv() throws {
        let (directory, server) = try served()
        server.stop()
        let output = try report(directory, "--by", "search", "--format", "csv")
        let script = """
            import csv, io, json, sys
            text = bytes.fromhex(sys.stdin.readline()).decode()
            print(json.dumps(list(csv.reader(io.StringIO(text, newline="")))))
            """
        let lines = try Python.run(script, on: [Array(output.utf8)])
        let parsed = try JSONSerialization.jsonObject(with: Data(lines.joined().utf8))
        #expect(
            parsed as? [[String]] == [
                ["search", "hits", "visitors", "visitors_error", "new", "returning"],
                ["shoes", "3", "2", "0", "1", "1"],
                ["<script>alert(1)</script>\",\n", "2", "1", "0", "0", "1"],
                ["größe", "1", "1", "0", "0", "1"],
            ])
    }

    @Test("the page shows what was searched for, and nothing of it runs")
    func html() throws {
        let (directory, server) = try served()
        server.stop()
        let page = try report(directory, "--by", "search", "--format", "html")
        try directory.write(Array(page.utf8), to: "report.html")
        let document = try Chromium().open("file://\(directory.file("report.html"))")
        #expect(document.contains("<title>Hits by search - Footfall</title>"))
        #expect(document.contains("<caption>Hits by search</caption>"))
        #expect(document.contains("&lt;script&gt;alert(1)&lt;/script&gt;"))
        #expect(!document.contains("<script"))
        #expect(document.contains("Hits per hour, UTC"))
        #expect(document.contains("größe"))
        for heading in ["Search", "Page", "Referrer", "Browser", "Language", "Host", "Kind"] {
            #expect(document.contains("<h2>\(heading)</h2>"), "\(heading)")
        }
        // Nothing that a browser would load.
        for word in ["src=", "href=", "url(", "@import"] { #expect(!page.contains(word)) }
    }

    @Test(
        "what cannot be asked is said in one line",
        arguments: [
            (["--by", "colour"], "'colour': expected search, "),
            (["--since", "yesterday"], "'yesterday': expected a time such as "),
            (["--where", "path"], "'path': expected NAME=VALUE or NAME!=VALUE"),
        ])
    func usage(_ arguments: [String], _ message: String) throws {
        let result = try ChildProcess.run([FootfallBinary.path, "report"] + arguments)
        #expect(result.status == 64)
        #expect(result.errors.hasPrefix("footfall: \(message)"), "\(result.errors)")
        #expect(result.errors.count { $0 == "\n" } == 1)
    }
}
