public import Foundation
internal import POSIX

/// The built `footfall` binary.
public enum FootfallBinary {
    /// `FOOTFALL_BINARY`, or the one that was built together with the tests.
    public static let path = builtProduct("footfall", variable: "FOOTFALL_BINARY")

    /// The path in a variable, or the product that was built together with the tests.
    static func builtProduct(_ name: String, variable: String) -> String {
        if let path = ProcessInfo.processInfo.environment[variable] { return path }
        let tests = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath()
        var directory = tests.deletingLastPathComponent()
        // With Swift Testing the runner may be started by a helper of the toolchain.
        if !FileManager.default.fileExists(atPath: directory.appending(path: name).path) {
            directory = packageDirectory.appending(path: ".build/debug")
        }
        return directory.appending(path: name).path
    }

    /// The top of the checkout.
    public static let packageDirectory = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// Runs a command of it to its end.
    public static func run(
        _ arguments: String..., environment: [String: String] = [:], in directory: String? = nil
    ) throws -> ChildProcess.Result {
        try ChildProcess.run([path] + arguments, environment: environment, in: directory)
    }
}

/// A running `footfall serve` on ports of its own.
public final class FootfallServer: Sendable {
    /// A server that did not start, with what it said.
    public struct DidNotStart: Error {
        /// Its standard error.
        public let errors: String
    }

    /// The process.
    public let process: ChildProcess
    /// Where it receives hits.
    public let port: UInt16
    /// Where it answers the operator.
    public let adminPort: UInt16

    /// Starts one with `data` as its data directory and waits until it listens. `wrapper` is a
    /// command in front of it that becomes it; `binary` another one than that of the tests.
    public init(
        data: String, _ arguments: [String] = [], environment: [String: String] = [:],
        wrapper: [String] = [], binary: String = FootfallBinary.path
    ) throws {
        process = try ChildProcess(
            wrapper + [
                binary, "serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0",
                "--data", data,
            ] + arguments, environment: environment)
        let deadline = Date().addingTimeInterval(30)
        while !process.errors.contains("events in "), !process.hasEnded, Date() < deadline {
            usleep(2000)
        }
        let errors = process.errors
        guard let port = Self.port(after: ": listening on http://127.0.0.1:", in: errors),
            let adminPort = Self.port(after: "admin listening on http://127.0.0.1:", in: errors)
        else { throw DidNotStart(errors: errors) }
        self.port = port
        self.adminPort = adminPort
    }

    /// A new connection.
    public func connect() throws -> HTTPConnection { try HTTPConnection(port: port) }

    /// One request on a connection of its own.
    public func request(
        _ target: String, method: String = "GET", _ fields: [String] = []
    ) throws -> HTTPConnection.Reply? {
        try connect().request(target, method: method, fields)
    }

    /// Ends it as an operator would, and waits.
    @discardableResult
    public func stop() -> ChildProcess.Result {
        process.signal(SIGTERM)
        return process.waitForEnd(seconds: 40)
    }

    /// Ends it as a power cut of the process would, and waits.
    public func kill() {
        process.signal(SIGKILL)
        _ = process.waitForEnd()
    }

    private static func port(after text: String, in errors: String) -> UInt16? {
        guard let range = errors.range(of: text) else { return nil }
        return UInt16(errors[range.upperBound...].prefix { $0.isNumber })
    }
}
