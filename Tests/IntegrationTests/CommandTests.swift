import Foundation
import TestSupport
import Testing

/// `tail`, `verify`, `check` and the help.
@Suite struct CommandTests {
    /// A data directory with hits searched for `texts`, and the server stopped.
    private func stored(_ texts: [String]) throws -> TemporaryDirectory {
        let directory = TemporaryDirectory()
        let server = try FootfallServer(data: directory.path)
        let connection = try server.connect()
        for text in texts { #expect(connection.request("/track.js?s=\(text)")?.status == 200) }
        #expect(server.stop().status == 0)
        return directory
    }

    @Test("tail prints the events for people or as stored, from anywhere, or only the last")
    func tail() throws {
        let directory = try stored(["a", "b%1b", "c"])
        let events = try StoredEvent.all(in: directory.path)
        let text = try FootfallBinary.run("tail", "--data", directory.path)
        #expect(text.status == 0)
        let lines = text.output.split(separator: "\n")
        #expect(lines.count == 3)
        #expect(
            lines.first.map { String($0) }
                == "1  \(events[0]["time"] ?? "")  User \(events[0]["visitor"] ?? "") searched for: a"
        )
        #expect(lines[1].hasSuffix("searched for: b\\u{1b}"))
        let json = try FootfallBinary.run(
            "tail", "--data", directory.path, "--format", "json", "--from", "2")
        #expect(json.output == events[1].line + "\n" + events[2].line + "\n")
        let last = try FootfallBinary.run(
            "tail", "--data", directory.path, "--format", "json", "-n", "1")
        #expect(last.output == events[2].line + "\n")
        #expect(try FootfallBinary.run("tail", "--data", directory.path, "-n", "0").output == "")
    }

    @Test("--version says what it is, and on which libraries it runs")
    func version() throws {
        let result = try FootfallBinary.run("--version")
        #expect(result.status == 0)
        let lines = result.output.split(separator: "\n")
        #expect(lines.count == 3)
        #expect(
            lines[0].wholeMatch(
                of: /footfall \d+\.\d+\.\d+ \(commit ([0-9a-f]{12}(-dirty)?|unknown)\)/) != nil,
            "\(lines[0])")
        #expect(lines[1].wholeMatch(of: /libevent 2\.\d+\.\d+-stable/) != nil, "\(lines[1])")
        #expect(
            lines[2].wholeMatch(of: /librdkafka 2\.\d+\.\d+|without Kafka/) != nil, "\(lines[2])")
    }

    @Test("tail -f shows a hit soon after its answer")
    func follow() throws {
        let directory = TemporaryDirectory()
        let server = try FootfallServer(data: directory.path)
        #expect(try server.request("/track.js?s=first")?.status == 200)
        let tail = try ChildProcess([FootfallBinary.path, "tail", "-f", "--data", directory.path])
        func wait(for text: String) -> Bool {
            let deadline = Date().addingTimeInterval(20)
            while !tail.output.contains(text), Date() < deadline { usleep(10_000) }
            return tail.output.contains(text)
        }
        #expect(wait(for: "searched for: first\n"))
        #expect(try server.request("/track.js?s=second")?.status == 200)
        #expect(wait(for: "searched for: second\n"))
        // Over a restart too.
        server.stop()
        let again = try FootfallServer(data: directory.path)
        #expect(try again.request("/track.js?s=third")?.status == 200)
        #expect(wait(for: "searched for: third\n"))
        tail.signal(SIGINT)
        #expect(tail.waitForEnd().output.split(separator: "\n").count == 3)
    }

    @Test("verify names file, line and byte of a flipped bit, and exits with 1")
    func verify() throws {
        let directory = try stored(["a", "b", "c"])
        let clean = try FootfallBinary.run("verify", "--data", directory.path)
        #expect(clean.status == 0)
        #expect(clean.output == "3 events, 1 to 3, in 1 segment: no damage\n")

        let name = "events/00000000000000000001.ndjson"
        var bytes = try directory.bytes(name)
        let start = (bytes.firstIndex(of: 0x0a) ?? 0) + 1
        bytes[start + 40] ^= 0x04
        try directory.write(bytes, to: name)
        let damaged = try FootfallBinary.run("verify", "--data", directory.path)
        #expect(damaged.status == 1)
        #expect(
            damaged.output == """
                \(name): line 2, byte \(start): the checksum does not match
                2 events, 1 to 3, in 1 segment: 1 problem

                """)
    }

    @Test("verify --repair takes damage out of the log, keeps its bytes, and says so")
    func repair() throws {
        let directory = try stored(["a", "b", "c"])
        let name = "events/00000000000000000001.ndjson"
        let whole = try directory.bytes(name)
        var bytes = whole
        let lines = bytes.split(separator: 0x0a)
        let start = lines[1].startIndex
        bytes[start + 40] ^= 0x04
        try directory.write(bytes, to: name)
        let server = try FootfallServer(data: directory.path)
        let busy = try FootfallBinary.run("verify", "--repair", "--data", directory.path)
        #expect(busy.status == 1)
        #expect(busy.errors.contains("is in use by process \(server.process.identifier)"))
        #expect(server.stop().status == 0)
        let kept = "damaged/00000000000000000001.ndjson.byte-\(start).events-2-2"
        let note = "note: 1 event missing since a repair; the damaged bytes are in damaged/"
        let repaired = try FootfallBinary.run("verify", "--repair", "--data", directory.path)
        #expect(repaired.status == 0)
        #expect(
            repaired.output == """
                \(name): \(lines[1].count + 1) bytes from byte \(start) on are kept in \
                \(directory.path)/\(kept)
                \(name): written again without them
                \(note)
                2 events, 1 to 3, in 1 segment: no damage

                """)
        #expect(try directory.bytes(kept) == Array(bytes[start...start + lines[1].count]))
        #expect(try directory.bytes(name) == Array(lines[0] + [0x0a] + lines[2] + [0x0a]))
        let again = try FootfallBinary.run("verify", "--data", directory.path)
        #expect(again.status == 0)
        #expect(again.output == "\(note)\n2 events, 1 to 3, in 1 segment: no damage\n")
    }

    @Test("verify finds a flipped bit in the last event that a killed server has answered")
    func verifyLive() throws {
        let directory = TemporaryDirectory()
        let server = try FootfallServer(data: directory.path)
        for text in ["a", "b"] {
            #expect(try server.request("/track.js?s=\(text)")?.status == 200)
        }
        #expect(try FootfallBinary.run("verify", "--data", directory.path).status == 0)
        server.kill()
        let name = "events/00000000000000000001.ndjson.open"
        var bytes = try directory.bytes(name)
        bytes[bytes.count - 60] ^= 0x01
        try directory.write(bytes, to: name)
        let result = try FootfallBinary.run("verify", "--data", directory.path)
        #expect(result.status == 1)
        #expect(result.output.contains("line 2, byte "))
    }

    @Test("where there is no log, the commands say so", arguments: ["tail", "verify", "report"])
    func noLog(_ command: String) throws {
        let directory = TemporaryDirectory()
        let result = try FootfallBinary.run(command, "--data", directory.file("none"))
        #expect(result.status == 1)
        #expect(result.errors == "footfall: there is no log in \(directory.file("none"))\n")
    }

    @Test("check prints what is in force and where it comes from")
    func check() throws {
        let directory = TemporaryDirectory()
        try directory.write(Array("loops: 3\n".utf8), to: "f.yaml")
        let file = directory.file("f.yaml")
        let result = try ChildProcess.run(
            [FootfallBinary.path, "check", "--config", file, "--print", "none"],
            environment: ["FOOTFALL_DATA": "/d"])
        #expect(result.status == 0)
        func line(_ key: String) -> [String] {
            result.output.split(separator: "\n").first { $0.hasPrefix("\(key): ") }?
                .components(separatedBy: "  # ").map { $0.trimmingCharacters(in: .whitespaces) }
                ?? []
        }
        #expect(line("loops") == ["loops: 3", "\(file):1:1"])
        #expect(line("data") == ["data: /d", "FOOTFALL_DATA"])
        #expect(line("print") == ["print: none", "--print"])
        #expect(line("durability") == ["durability: commit", "default"])
        #expect(line("listen") == [#"listen: ["127.0.0.1:8000"]"#, "default"])
    }

    @Test("every setting that check prints has a flag in the help, and the other way round")
    func help() throws {
        let keys = try FootfallBinary.run("check").output.split(separator: "\n").map { line in
            "--" + line.prefix { $0 != ":" }.replacing("_", with: "-")
        }
        let help = try FootfallBinary.run("serve", "--help").output
        let flags = help.split(separator: "\n").compactMap { line -> String? in
            let words = line.split(separator: " ")
            guard line.hasPrefix("  --"), let flag = words.first else { return nil }
            return String(flag)
        }
        #expect(Set(flags).subtracting(["--config", "--version"]) == Set(keys))
    }
}
