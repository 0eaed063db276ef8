import Foundation
import TestSupport
import Testing

/// What cannot be served ends with one clear line, before anything is.
@Suite struct StartTests {
    private func serve(_ arguments: String...) throws -> ChildProcess.Result {
        try ChildProcess.run([FootfallBinary.path, "serve"] + arguments, seconds: 20)
    }

    @Test("a second server on the same port")
    func port() throws {
        let directory = TemporaryDirectory()
        let first = try FootfallServer(data: directory.file("a"))
        let second = try serve(
            "--listen", "127.0.0.1:\(first.port)", "--admin", "off", "--data", directory.file("b"))
        #expect(second.status == 1)
        #expect(
            second.errors
                == "footfall: listen on 127.0.0.1:\(first.port): Address already in use\n")
    }

    @Test("a second server on the same data directory")
    func data() throws {
        let directory = TemporaryDirectory()
        let first = try FootfallServer(data: directory.path)
        let second = try serve(
            "--listen", "127.0.0.1:0", "--admin", "off", "--data", directory.path)
        #expect(second.status == 1)
        #expect(
            second.errors == "footfall: the data directory \(directory.path) is in use by process "
                + "\(first.process.identifier)\n")
        #expect(try first.request("/track.js")?.status == 200)
    }

    @Test("an admin port that is taken")
    func adminPort() throws {
        let directory = TemporaryDirectory()
        let first = try FootfallServer(data: directory.file("a"))
        let second = try serve(
            "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:\(first.adminPort)", "--data",
            directory.file("b"))
        #expect(second.status == 1)
        #expect(second.errors.contains("Address already in use"))
    }

    @Test("a data directory that cannot be written")
    func unwritable() throws {
        let directory = TemporaryDirectory()
        try directory.write([], to: "file")
        let result = try serve(
            "--listen", "127.0.0.1:0", "--admin", "off", "--data", directory.file("file"))
        #expect(result.status == 1)
        #expect(
            result.errors
                == "footfall: the data directory cannot be used: make the directory "
                + "\(directory.file("file"))/events: Not a directory\n")
    }

    @Test(
        "a data directory of somebody else",
        .enabled(if: geteuid() == 0, "only root can become somebody else"))
    func somebodyElses() throws {
        let directory = TemporaryDirectory()
        chmod(directory.path, 0o755)
        mkdir(directory.file("data"), 0o755)
        // setpriv(1) runs it as nobody; root is allowed everything.
        let result = try ChildProcess.run(
            [
                "setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups",
                FootfallBinary.path, "serve", "--listen", "127.0.0.1:0", "--admin", "off", "--data",
                directory.file("data"),
            ], seconds: 20)
        #expect(result.status != 0)
        #expect(result.errors.contains("Permission denied"))
        #expect(result.errors.split(separator: "\n").count == 1, "\(result.errors)")
    }

    @Test("a flag, a variable and a file that are wrong")
    func configuration() throws {
        let directory = TemporaryDirectory()
        let flag = try serve("--durability", "sometimes")
        #expect(flag.status == 64)
        #expect(
            flag.errors
                == "footfall: --durability: 'sometimes': expected 'commit' or 'interval'\n")
        #expect(try serve("--no-such-flag").status == 64)

        let variable = try FootfallBinary.run("serve", environment: ["FOOTFALL_LOOPS": "0"])
        #expect(variable.status == 78)
        #expect(variable.errors.hasPrefix("footfall: FOOTFALL_LOOPS: '0': expected a number"))

        try directory.write(Array("data: x\nlisten_on: 1\n".utf8), to: "f.yaml")
        let file = directory.file("f.yaml")
        for command in ["serve", "check"] {
            let result = try FootfallBinary.run(command, "--config", file)
            #expect(result.status == 78)
            #expect(result.errors.hasPrefix("footfall: \(file):2:1: unknown key 'listen_on'; "))
            #expect(result.errors.split(separator: "\n").count == 1)
        }
    }

    @Test("a server starts from a file, and a flag beats it")
    func fromFile() throws {
        let directory = TemporaryDirectory()
        let yaml = "durability: interval\nsync_interval: 100ms\nno_demo: true\ndata: /nowhere\n"
        try directory.write(Array(yaml.utf8), to: "f.yaml")
        let server = try FootfallServer(
            data: directory.file("data"), ["--config", directory.file("f.yaml")])
        #expect(try server.request("/")?.status == 404)
        #expect(server.process.errors.contains("durability interval"))
    }
}
