import Foundation
import TestSupport
import Testing

/// The unit files in `Deploy`, as systemd reads them.
@Suite(
    .enabled(if: isInstalled("systemd-analyze"), "systemd-analyze is not installed"))
struct UnitFileTests {
    private static let deploy = FootfallBinary.packageDirectory.appending(path: "Deploy")

    private static func text(_ name: String) throws -> String {
        try String(contentsOf: deploy.appending(path: name), encoding: .utf8)
    }

    @Test("systemd finds nothing wrong with the units")
    func verify() throws {
        let directory = TemporaryDirectory()
        for name in ["footfall.service", "footfall.socket"] {
            let unit = try Self.text(name)
                .replacing("/usr/bin/footfall", with: FootfallBinary.path)
            try directory.write(Array(unit.utf8), to: name)
        }
        let command = [
            "systemd-analyze", "verify", "--man=no", directory.file("footfall.service"),
            directory.file("footfall.socket"),
        ]
        let result = try ChildProcess.run(command)
        #expect(result.status == 0)
        #expect(result.errors == "")
        try directory.write(
            Array(try Self.text("footfall.socket").replacing("Backlog", with: "Baklog").utf8),
            to: "footfall.socket")
        #expect(try ChildProcess.run(command).errors.contains("Baklog"), "it does read them")
    }

    @Test("the service may do little: an exposure of at most 1.5 of 10")
    func security() throws {
        let result = try ChildProcess.run([
            "systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=15",
            Self.deploy.appending(path: "footfall.service").path,
        ])
        #expect(result.status == 0, "\(result.output)\(result.errors)")
    }

    @Test("the units name what the collector has: the reload, its exit statuses, its socket")
    func names() throws {
        let service = try Self.text("footfall.service")
        #expect(service.contains("\nRestartPreventExitStatus=64 78\n"))
        #expect(service.contains("\nRequires=footfall.socket\n"))
        let stop = try #require(
            service.firstMatch(of: /TimeoutStopSec=(\d+)/).flatMap { Int($0.1) })
        #expect(stop > 30 + 5, "more than shutdown_timeout and what sinks get")
        // What ExecStart and ExecReload run, with the configuration of the package.
        let commands = service.matches(of: /\/usr\/bin\/footfall (\w+) --config (\S+)/)
        #expect(commands.map { $0.1 } == ["serve", "check"])
        #expect(commands.allSatisfy { $0.2 == "/etc/footfall/footfall.yaml" })
    }
}
