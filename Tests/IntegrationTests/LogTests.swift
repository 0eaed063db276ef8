import Foundation
import TestSupport
import Testing

/// What the server says on standard error.
@Suite struct LogTests {
    /// Standard error of a server that has something to say and does not start.
    private func errors(_ arguments: String, in directory: TemporaryDirectory) throws -> String {
        // As under systemd: the stream is known by its device and inode.
        let script = """
            exec 2>log; export JOURNAL_STREAM=$(stat -c %d:%i log)
            exec "$0" serve --listen 127.0.0.1:0 --admin off --data /dev/null/x --sync-interval 2s \
            \(arguments)
            """
        let result = try ChildProcess.run(
            ["bash", "-c", script, FootfallBinary.path], in: directory.path)
        #expect(result.status == 1)
        return String(decoding: try directory.bytes("log"), as: UTF8.self)
    }

    @Test(
        "messages have the format that is asked for, and the journal's where it listens",
        arguments: [
            ("", "<4>--sync-interval: has no effect"),
            ("--log-format journald", "<4>--sync-interval"),
            ("--log-format text", "Z warning: --sync-interval: has no effect"),
            ("--log-format json", #""level":"warning","message":"--sync-interval: has no effect"#),
        ])
    func formats(_ arguments: String, _ expected: String) throws {
        let text = try errors(arguments, in: TemporaryDirectory())
        #expect(text.split(separator: "\n").first?.contains(expected) == true, "\(text)")
    }

    @Test("less severe messages than the level are not written")
    func level() throws {
        let text = try errors("--log-level error", in: TemporaryDirectory())
        #expect(!text.contains("has no effect"))
        let directory = TemporaryDirectory()
        let server = try FootfallServer(data: directory.path, ["--log-level", "debug"])
        #expect(server.stop().errors.contains(" info: stopped"))
    }

    @Test("what clients send does nothing to the terminal of whoever reads the log")
    func hostile() throws {
        let directory = TemporaryDirectory()
        let server = try FootfallServer(data: directory.path, ["--log-level", "trace"])
        for bytes in [
            "GET /\u{1b}[2J HTTP/1.1\r\n\r\n", "\u{1b}]0;x\u{7}\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: \u{9b}\r\n\r\n",
        ] {
            let connection = try server.connect()
            connection.send(bytes)
            #expect(connection.receive()?.status == 400)
        }
        let text = server.stop().errors
        #expect(
            text.unicodeScalars.allSatisfy {
                $0 == "\n" || $0.properties.generalCategory != .control
            })
    }
}
