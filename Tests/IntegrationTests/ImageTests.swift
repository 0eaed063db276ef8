import Foundation
import TestSupport
import Testing

/// `Deploy/Dockerfile`, without Docker: the root directory of its last stage is made as it says, and its
/// commands are run in there.
@Suite struct ImageTests {
    private let directory = TemporaryDirectory()

    /// Its instructions with their arguments, in order.
    private static func instructions() throws -> [(name: String, arguments: String)] {
        let path = FootfallBinary.packageDirectory.appending(path: "Deploy/Dockerfile")
        return try String(contentsOf: path, encoding: .utf8).components(separatedBy: "\n")
            .filter { !$0.isEmpty && !$0.hasPrefix("#") }
            .map { line in
                let words = line.split(separator: " ", maxSplits: 1)
                return (String(words[0]), words.count > 1 ? String(words[1]) : "")
            }
    }

    /// The command of an instruction, which is a list in JSON at its end: there is no shell.
    private static func command(_ name: String) throws -> [String] {
        let text = try #require(try instructions().last { $0.name == name }?.arguments)
        let list = try #require(text.firstIndex(of: "["))
        return try JSONDecoder().decode([String].self, from: Data(text[list...].utf8))
    }

    /// What runs a command with another root directory and /proc, as containers have them.
    private static func inside(_ root: String, user: String) -> [String] {
        let script = #"""
            mkdir -p "$0/proc" && mount --rbind /proc "$0/proc" && exec chroot --userspec="$1" "$0" "${@:2}"
            """#
        return ["unshare", "--mount", "bash", "-c", script, root, user]
    }

    private static let canChangeRoot =
        (try? ChildProcess.run(inside("/", user: "0:0") + ["true"]).status) == 0

    @Test("what it builds and copies is there")
    func paths() throws {
        let instructions = try Self.instructions()
        #expect(instructions.count { $0.name == "FROM" } == 2)
        for (name, arguments) in instructions where name == "RUN" {
            let words = arguments.split(separator: " ").map { String($0) }
            let top = FootfallBinary.packageDirectory.path
            if words[0] == "make" {
                let result = try ChildProcess.run(
                    ["make", "--dry-run"] + words.dropFirst(), in: top)
                #expect(result.status == 0, "\(arguments): \(result.errors)")
            } else if words[0].hasPrefix("Deploy/") {
                #expect(FileManager.default.isExecutableFile(atPath: "\(top)/\(words[0])"))
            }
        }
    }

    @Test("the README builds and runs it as it says")
    func readme() throws {
        let top = FootfallBinary.packageDirectory
        let readme = try String(contentsOf: top.appending(path: "README.md"), encoding: .utf8)
        let file = try String(contentsOf: top.appending(path: "Deploy/Dockerfile"), encoding: .utf8)
        let build = try #require(file.firstMatch(of: /docker build .*/)?.0)
        #expect(readme.contains("\n\(build)\n"))
        let run = try #require(readme.firstMatch(of: /docker run .*:(\d+) -v \w+:(\S+) .*/))
        let instructions = try Self.instructions()
        #expect(instructions.contains { $0 == ("EXPOSE", String(run.1)) })
        #expect(instructions.contains { $0 == ("VOLUME", String(run.2)) })
    }

    @Test(
        "its root directory is enough to serve, and its health check knows whether hits are taken",
        .enabled(if: canChangeRoot, "mounting and chroot are not permitted"))
    func serving() throws {
        let root = directory.file("root")
        let script = try #require(
            try Self.instructions().first { $0.arguments.contains("image-root.sh") }?.arguments)
        let made = try ChildProcess.run(
            [String(script.prefix { $0 != " " }), root, FootfallBinary.path, BenchBinary.path],
            in: FootfallBinary.packageDirectory.path)
        try #require(made.status == 0, "\(made.errors)")
        let variables = try Self.instructions().filter { $0.name == "ENV" }
            .flatMap { $0.arguments.split(separator: " ").map { String($0) } }
        #expect(variables.contains("FOOTFALL_LISTEN=0.0.0.0:8000"))
        let user = try #require(try Self.instructions().last { $0.name == "USER" }?.arguments)
        let data = directory.file("root/data")
        try FileManager.default.createDirectory(
            atPath: data, withIntermediateDirectories: true,
            attributes: [.ownerAccountID: 65532, .groupOwnerAccountID: 65532])

        let (port, adminPort) = (try freePort(), try freePort())
        let image = Self.inside(root, user: user)
        let check = try Self.command("HEALTHCHECK").map {
            $0.replacing("127.0.0.1:8001", with: "127.0.0.1:\(adminPort)")
        }
        let server = try ChildProcess(
            ["env"] + variables + [
                "FOOTFALL_LISTEN=127.0.0.1:\(port)", "FOOTFALL_ADMIN=127.0.0.1:\(adminPort)",
            ] + image + Self.command("ENTRYPOINT") + Self.command("CMD"))
        try waitUntilListening(adminPort, server)
        #expect(try HTTPConnection(port: port).request("/track.js?s=image")?.status == 200)
        #expect(try HTTPConnection(port: port).request("/")?.status == 404, "no demo")
        let ready = try ChildProcess.run(image + check)
        #expect(ready.status == 0, "\(ready.errors)")
        server.signal(SIGTERM)
        #expect(server.waitForEnd(seconds: 40).status == 0, "\(server.errors)")
        #expect(try StoredEvent.all(in: data).map { $0.params["s"] } == ["image"])
        #expect(try ChildProcess.run(image + check).status != 0, "nobody is there")
    }
}
