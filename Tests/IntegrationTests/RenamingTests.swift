import TestSupport
import Testing

/// A site that calls everything by names of its own.
@Suite struct RenamingTests {
    @Test("each thing is where it was put, under all its paths, and nowhere else")
    func paths() throws {
        let directory = TemporaryDirectory()
        let server = try FootfallServer(
            data: directory.path,
            [
                "--script-paths", "/a.js", "--script-paths", "/x/a2.js", "--image-paths", "/i",
                "--beacon-paths", "/b", "--buster-paths", "/load.js", "--opt-out-paths", "/no",
                "--opt-in-paths", "/yes",
            ])
        for (path, type) in [
            ("/a.js", "application/javascript"), ("/x/a2.js", "application/javascript"),
            ("/i", "image/gif"), ("/load.js", "application/javascript"),
            ("/no", "text/html; charset=utf-8"), ("/yes", "text/html; charset=utf-8"),
        ] {
            let reply = try server.request(path)
            #expect(reply?.status == 200, "\(path)")
            #expect(reply?["content-type"]?.hasPrefix(type) == true, "\(path)")
        }
        for path in ["/track.js", "/track.gif", "/track", "/buster.js", "/opt-out", "/opt-in"] {
            #expect(try server.request(path)?.status == 404, "\(path)")
        }
        let beacon = try server.connect()
        beacon.send("POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}")
        #expect(beacon.receive()?.status == 204)
        let script = try #require(try server.request("/load.js")?.text)
        #expect(script.contains(#"split("/load.js")[0] + "/a.js""#))
        #expect(!script.contains("track"))
        let page = try #require(try server.request("/no")?.text)
        #expect(page.contains(#"action="/no""#))
        let stored = try StoredEvent.all(in: directory.path)
        #expect(stored.map { $0["path"] } == ["/a.js", "/x/a2.js", "/i", "/b"])
        #expect(stored.map { $0["kind"] } == ["track", "track", "pixel", "beacon"])
    }

    @Test("parameters under other names are stored under their own")
    func parameters() throws {
        let directory = TemporaryDirectory()
        let server = try FootfallServer(
            data: directory.path,
            [
                "--parameter-aliases", "q=s", "--parameter-aliases", "page=u", "--print", "hits",
            ])
        _ = try server.request("/track.js?q=my+search&page=https%3A%2F%2Fa.example%2F&s2=x")
        let event = try #require(try StoredEvent.all(in: directory.path).first)
        #expect(event["query"] == "q=my+search&page=https%3A%2F%2Fa.example%2F&s2=x")
        #expect(event.params == ["s": "my search", "u": "https://a.example/", "s2": "x"])
        let script = try #require(try server.request("/buster.js")?.text)
        #expect(script.contains(#"add("q", parameter("search"))"#))
        #expect(script.contains(#"add("page", window.location.href)"#))
        #expect(script.contains(#"add("ref", document.referrer)"#))
        #expect(server.stop().output.contains(" searched for: my search\n"))
    }

    @Test(
        "two things under one name stop the start",
        arguments: [
            (
                ["--script-paths", "/track.gif"],
                "--script-paths: '/track.gif' is in both script_paths and"
            ),
            (["--beacon-paths", "/robots.txt"], "a page of the collector's own"),
            (["--image-paths", "pixel"], "'pixel'"), (["--image-paths", "/a b"], "'/a b'"),
            (["--parameter-aliases", "q"], "'q'"),
            (
                ["--parameter-aliases", "q=s", "--parameter-aliases", "q=u"],
                "'q' has a name already"
            ),
        ] as [([String], String)])
    func refused(_ arguments: [String], _ reason: String) throws {
        let directory = TemporaryDirectory()
        let result = try ChildProcess.run(
            [FootfallBinary.path, "serve", "--listen", "127.0.0.1:0", "--data", directory.path]
                + arguments)
        #expect(result.status == 64)
        #expect(result.errors.contains(reason), "\(result.errors)")
    }
}
