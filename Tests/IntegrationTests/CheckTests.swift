import Foundation
import TestSupport
import Testing

/// `footfall check`, and what `serve` says of a configuration.
@Suite struct CheckTests {
    private func check(
        _ yaml: String, _ arguments: [String] = [], environment: [String: String] = [:]
    ) throws -> ChildProcess.Result {
        let directory = TemporaryDirectory()
        try directory.write(Array(yaml.utf8), to: "f.yaml")
        return try ChildProcess.run(
            [FootfallBinary.path, "check", "--config", "f.yaml"] + arguments,
            environment: environment, in: directory.path)
    }

    @Test("a mistake in a file or a variable exits with 78, and in a flag with 64")
    func exits() throws {
        let file = try check("loops: many\nlisen: x\n")
        #expect(file.status == 78)
        #expect(file.output == "")
        #expect(
            file.errors == """
                footfall: f.yaml:1:1: 'many': expected a number from 1 to 256, or 'auto' for one for \
                each core
                footfall: f.yaml:2:1: unknown key 'lisen'; did you mean 'listen'?

                """)
        #expect(try check("", environment: ["FOOTFALL_LOOPS": "x"]).status == 78)
        #expect(try check("", ["--loops", "x"]).status == 64)
        #expect(try check("lisen: x", ["--loops", "x"]).status == 78)
        let unknown = try check("", ["--lisen", "x"])
        #expect(unknown.status == 64)
        #expect(unknown.errors.contains("--listen"))
        let serve = try FootfallBinary.run("serve", "--config", "/no/such.yaml")
        #expect(serve.status == 78)
        #expect(serve.errors == "footfall: /no/such.yaml:1:1: No such file or directory\n")
    }

    @Test("a warning is no error, and serve says it too")
    func warnings() throws {
        let result = try check(
            "sync_interval: 2s\n", environment: ["FOOTFALL_LOPS": "1", "FOOTFALL_READER": "head"])
        #expect(result.status == 0)
        #expect(
            result.errors == """
                footfall: warning: FOOTFALL_LOPS: is no setting; did you mean 'FOOTFALL_LOOPS'?
                footfall: warning: f.yaml:1:1: has no effect: it belongs to durability 'interval'

                """)
        let serve = try FootfallBinary.run(
            "serve", "--listen", "127.0.0.1:0", "--admin", "off", "--data", "/dev/null/x",
            "--sync-interval", "2s")
        #expect(serve.status == 1)
        #expect(serve.errors.contains("warning: --sync-interval: has no effect"))
    }

    @Test("what check prints is a configuration that does the same")
    func again() throws {
        let first = try check(
            "consent_parameter: c\nloops: 1\n",
            ["--listen", "unix:/tmp/a: b # c", "--data", "x'\"\u{e4}: #", "--cookie-path", "/a:"])
        #expect(first.status == 0, "\(first.errors)")
        let second = try check(first.output)
        #expect(second.status == 0, "\(second.errors)")
        func values(_ result: ChildProcess.Result) -> [String] {
            result.output.split(separator: "\n").map { line in
                line.components(separatedBy: "  # ")[0].trimmingCharacters(in: .whitespaces)
            }
        }
        #expect(values(first) == values(second))
        #expect(second.output.contains("# f.yaml:4:1"))
    }

    @Test("what the machine has against a configuration is found without a start")
    func surroundings() throws {
        let directory = TemporaryDirectory()
        try directory.write([], to: "file")
        let (file, none) = (directory.file("file"), directory.file("none"))
        let table: [(yaml: String, message: String)] = [
            ("data: \(file)", "footfall: f.yaml:1:1: '\(file)' is not a directory\n"),
            ("data: \(file)/a/b", "footfall: f.yaml:1:1: '\(file)/a/b': Not a directory\n"),
            (
                "listen: unix:\(none)/s",
                "footfall: f.yaml:1:1: '\(none)': No such file or directory\n"
            ),
            ("admin: unix:\(file)/s", "footfall: f.yaml:1:1: '\(file)' is not a directory\n"),
            (
                "access_log: \(none)/a",
                "footfall: f.yaml:1:1: '\(none)': No such file or directory\n"
            ),
            (
                "access_log: \(directory.path)",
                "footfall: f.yaml:1:1: '\(directory.path)' is a directory\n"
            ),
            (
                "click_keys: a=@\(none)",
                "footfall: f.yaml:1:1: the secret of 'a': open \(none): No such file or directory\n"
            ),
            ("data: \(none)/a/b", ""), ("access_log: \(none)", ""), ("access_log: \(file)", ""),
        ]
        for (yaml, message) in table {
            let result = try check(yaml)
            #expect(result.errors == message)
            #expect(result.status == (message.isEmpty ? 0 : 78))
        }
        #expect(directory.list("") == ["file"], "nothing is made")
    }

    @Test("librdkafka is asked what it thinks of its options")
    func kafka() throws {
        let common = "forward: kafka\nkafka_brokers: no.such.host.invalid:9092\n"
        let wrong = try check(common + "kafka_options: [compresion.codec=lz4]\n")
        #expect(wrong.status == 78)
        #expect(
            wrong.errors
                == "footfall: f.yaml:3:1: No such configuration property: \"compresion.codec\"\n")
        #expect(try check(common + "kafka_options: [compression.codec=lz4]\n").status == 0)
    }
}
