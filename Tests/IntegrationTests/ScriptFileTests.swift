import Foundation
import TestSupport
import Testing

/// The scripts that pages load: small, kept by browsers, and as their sources say.
@Suite struct ScriptFileTests {
    private static let scripts = ["/tag.js", "/buster.js"]

    @Test(
        "a script is kept by browsers, and asked for again with its validator", arguments: scripts)
    func validators(_ path: String) throws {
        let directory = TemporaryDirectory()
        let server = try FootfallServer(data: directory.path)
        let connection = try server.connect()
        let plain = try #require(connection.request(path))
        #expect(plain.status == 200)
        #expect(plain["content-type"] == "application/javascript; charset=utf-8")
        #expect(plain["cache-control"] == "public, max-age=3600")
        #expect(plain["vary"] == "Accept-Encoding")
        #expect(plain["cross-origin-resource-policy"] == "cross-origin")
        #expect(plain["x-content-type-options"] == "nosniff")
        let tag = try #require(plain["etag"])
        let compressed = try #require(connection.request(path, ["Accept-Encoding: br, gzip"]))
        #expect(compressed["content-encoding"] == "gzip")
        let other = try #require(compressed["etag"])
        #expect(other != tag)
        #expect(compressed.body.count < plain.body.count)
        let head = connection.request(path, method: "HEAD")
        #expect(head?["content-length"] == "\(plain.body.count)")
        #expect(head?["etag"] == tag)

        let cases: [(fields: [String], status: Int)] = [
            (["If-None-Match: \(tag)"], 304), (["If-None-Match: W/\(tag)"], 304),
            (["If-None-Match: \"x\", \(tag)"], 304), (["If-None-Match: *"], 304),
            (["If-None-Match: \(other)"], 200), (["If-None-Match: \"x\""], 200),
            (["If-None-Match: \(other)", "Accept-Encoding: gzip"], 304),
            (["If-None-Match: \(tag)", "Accept-Encoding: gzip"], 200),
        ]
        for (fields, status) in cases {
            let reply = try #require(connection.request(path, fields))
            #expect(reply.status == status, "\(fields)")
            if status == 304 {
                #expect(reply.body.isEmpty && reply["content-length"] == nil)
                #expect(reply["etag"] != nil && reply["cache-control"] != nil)
            }
        }
        #expect(connection.request(path, method: "POST", ["Content-Length: 0"])?.status == 405)
        #expect(try StoredEvent.all(in: directory.path).isEmpty)
    }

    @Test(
        "gzip is sent to those who take it",
        arguments: [
            ("gzip", true), ("GZIP;q=0.5", true), ("br;q=1, *;q=0.1", true), ("x-gzip", true),
            ("gzip;q=0", false), ("gzip; q=0.000", false), ("identity", false), ("", false),
        ])
    func codings(_ field: String, _ isCompressed: Bool) throws {
        let directory = TemporaryDirectory()
        let server = try FootfallServer(data: directory.path)
        let reply = try server.request("/tag.js", ["Accept-Encoding: \(field)"])
        #expect((reply?["content-encoding"] == "gzip") == isCompressed)
    }

    @Test("the tag is what is made of its source, and at most 1,536 bytes as it is sent")
    func size() throws {
        let directory = TemporaryDirectory()
        let server = try FootfallServer(data: directory.path)
        let reply = try #require(
            try server.request("/tag.js", ["Accept-Encoding: gzip"]))
        print("\(reply.body.count) bytes")
        #expect(reply.body.count <= 1536)
        // It names what it sends to, and nothing is left to be named.
        let text = try #require(try server.request("/tag.js")?.text)
        #expect(text.contains(#""/track?""#))
        #expect(text.firstMatch(of: /\{(path|name):/) == nil)
    }

    @Test(
        "the tag's generated source is that of its script",
        .enabled(
            if: Python.has("minify"), "Python lacks tdewolff-minify: pip install tdewolff-minify"))
    func generated() throws {
        let folder = FootfallBinary.packageDirectory.appending(path: "Sources/Collector/Pages")
        let result = try ChildProcess.run([
            Python.path, folder.appending(path: "update-tag.py").path,
        ])
        let file = try String(
            contentsOf: folder.appending(path: "TagScript.swift"), encoding: .utf8)
        #expect(result.output == file, "run make tag")
    }
}
