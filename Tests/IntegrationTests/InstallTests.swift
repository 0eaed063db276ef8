import Foundation
import TestSupport
import Testing

/// What `make install` puts onto a machine, here with the binaries of the tests in place of those that
/// contain the Swift runtime. `make test-deb` installs the package that is made of it.
@Suite struct InstallTests {
    private let directory = TemporaryDirectory()

    /// Runs a target of the Makefile for the root directory `root` below the test's.
    private func make(_ target: String) throws {
        let binaries = URL(fileURLWithPath: FootfallBinary.path).deletingLastPathComponent().path
        let result = try ChildProcess.run(
            [
                "make", target, "DESTDIR=\(directory.file("root"))", "STATIC=\(binaries)",
                "--old-file=\(binaries)/footfall",
            ], in: FootfallBinary.packageDirectory.path)
        try #require(result.status == 0, "\(result.output)\(result.errors)")
    }

    /// Everything below the root directory.
    private func files() throws -> Set<String> {
        let result = try ChildProcess.run(
            ["find", ".", "(", "-type", "f", "-o", "-type", "l", ")", "-printf", "/%P\n"],
            in: directory.file("root"))
        return Set(result.output.split(separator: "\n").map { String($0) })
    }

    private func text(_ name: String) throws -> String {
        String(decoding: try directory.bytes("root/\(name)"), as: UTF8.self)
    }

    @Test("make install puts everything in its place, and make uninstall takes it away again")
    func placesAndAway() throws {
        try make("install")
        let version = try ChildProcess.run([
            directory.file("root/usr/local/bin/footfall"), "--version",
        ])
        #expect(version.output == (try FootfallBinary.run("--version")).output)
        let share = "/usr/local/share"
        let expected: Set = [
            "/etc/footfall/footfall.yaml", "/usr/local/bin/footfall",
            "/usr/local/bin/footfall-bench", "/usr/local/lib/systemd/system/footfall.service",
            "/usr/local/lib/systemd/system/footfall.socket",
            "/usr/local/lib/sysusers.d/footfall.conf",
            "\(share)/man/man1/footfall.1.gz", "\(share)/man/man1/footfall-bench.1.gz",
            "\(share)/bash-completion/completions/footfall",
            "\(share)/bash-completion/completions/footfall-bench",
            "\(share)/fish/vendor_completions.d/footfall.fish",
            "\(share)/fish/vendor_completions.d/footfall-bench.fish",
            "\(share)/zsh/site-functions/_footfall", "\(share)/zsh/site-functions/_footfall-bench",
            "\(share)/doc/footfall/README.md", "\(share)/doc/footfall/CHANGELOG.md",
            "\(share)/doc/footfall/LICENSE",
        ]
        let found = try files().filter { !$0.hasPrefix("\(share)/doc/footfall/examples/") }
        #expect(found == expected)
        #expect(
            try text("usr/local/lib/systemd/system/footfall.service")
                .contains("\nExecStart=/usr/local/bin/footfall serve --config /etc/footfall/"))

        // What an operator has written stays, whatever is installed or taken away.
        try directory.write(Array("loops: 1\n".utf8), to: "root/etc/footfall/footfall.yaml")
        try make("install")
        #expect(try text("etc/footfall/footfall.yaml") == "loops: 1\n")
        try make("uninstall")
        #expect(try files() == ["/etc/footfall/footfall.yaml"])
    }

    @Test(
        "systemd finds the user and the units that make install has put there",
        .enabled(if: isInstalled("systemd-sysusers"), "systemd is not installed"))
    func service() throws {
        try make("install")
        let root = "--root=\(directory.file("root"))"
        let user = try ChildProcess.run(["systemd-sysusers", root])
        #expect(user.status == 0, "\(user.errors)")
        #expect(try text("etc/passwd").contains("footfall:"))
        let enabled = try ChildProcess.run(
            ["systemctl", root, "enable", "footfall.socket", "footfall.service"])
        #expect(enabled.status == 0, "\(enabled.errors)")
        let links = try files().filter { $0.contains(".wants/") }
        #expect(
            links == [
                "/etc/systemd/system/multi-user.target.wants/footfall.service",
                "/etc/systemd/system/sockets.target.wants/footfall.socket",
            ])
    }

    @Test("the configuration of the service is one, without a warning")
    func configuration() throws {
        let path = FootfallBinary.packageDirectory.appending(path: "Deploy/package/footfall.yaml")
        var yaml = try String(contentsOf: path, encoding: .utf8)
        for round in ["as it is", "with what it suggests"] {
            try directory.write(Array(yaml.utf8), to: "f.yaml")
            let result = try FootfallBinary.run(
                "check", "--config", directory.file("f.yaml"),
                environment: ["FOOTFALL_DATA": directory.file("data")])
            #expect(result.status == 0 && result.errors == "", "\(round): \(result.errors)")
            yaml = yaml.replacing(/\n# (?=[a-z_]+: )/, with: "\n")
        }
        #expect(yaml.contains("\nforward: [kafka]\nkafka_brokers: "))
    }

    @Test(
        "the manual pages are well-formed and have each command and each option of the help",
        .enabled(if: isInstalled("mandoc"), "mandoc is not installed"),
        arguments: [FootfallBinary.path, BenchBinary.path])
    func manual(_ program: String) throws {
        let package = FootfallBinary.packageDirectory.appending(path: "Deploy/package").path
        let name = URL(fileURLWithPath: program).lastPathComponent
        let page = try ChildProcess.run([
            "python3", "\(package)/manual.py", "\(package)/\(name).1", program,
        ])
        #expect(page.status == 0, "\(page.errors)")
        try directory.write(Array(page.output.utf8), to: "page.1")
        let lint = try ChildProcess.run(
            ["mandoc", "-T", "lint", "-W", "warning", directory.file("page.1")])
        #expect(lint.status == 0 && lint.output == "", "\(lint.output)\(lint.errors)")
        let read = try ChildProcess.run(
            ["mandoc", "-T", "ascii", "-O", "width=1000", directory.file("page.1")]
        ).output.replacing(/.\u{8}/, with: "")

        // `serve  Receive hits.`, below a title.
        let help = try ChildProcess.run([program, "--help"]).output
        let list = try #require(help.components(separatedBy: "SUBCOMMANDS:").dropFirst().first)
        let commands = list.matches(of: /\n {2}([a-z-]+)/).map { String($0.1) }
        #expect(commands.count > 1)
        for command in commands {
            #expect(read.contains("\n   \(command)"), "the page has no \(command)")
            let options = try ChildProcess.run([program, command, "--help"]).output
                .matches(of: /\n {2}(?:-[a-zA-Z], )?(--[a-z-]+)/).map { String($0.1) }
            for option in options where !["--help", "--version"].contains(option) {
                #expect(read.contains(option), "the page has no \(option) of \(command)")
            }
        }
    }
}
