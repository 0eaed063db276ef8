internal import Foundation

/// An interpreter with readers and parsers that have nothing of Footfall in them.
public enum Python {
    /// `FOOTFALL_PYTHON`, or the one in `PATH`.
    public static let path = ProcessInfo.processInfo.environment["FOOTFALL_PYTHON"] ?? "python3"

    /// Whether these modules can be imported.
    public static func has(_ modules: String...) -> Bool {
        let found = try? ChildProcess.run([
            path, "-c", modules.map { "import \($0)" }.joined(separator: "\n"),
        ])
        return found?.status == 0
    }

    /// Runs a script that reads `inputs` from its standard input, a line of hexadecimal digits
    /// each. The lines that it prints.
    public static func run(_ script: String, on inputs: [[UInt8]]) throws -> [String] {
        let directory = TemporaryDirectory()
        let text = inputs.map { $0.map { String(format: "%02x", $0) }.joined() + "\n" }.joined()
        try directory.write(Array(text.utf8), to: "inputs")
        try directory.write(Array(script.utf8), to: "script.py")
        let result = try ChildProcess.run([
            "sh", "-c", "exec \"$0\" \"$1/script.py\" < \"$1/inputs\"", path, directory.path,
        ])
        guard result.status == 0 else { throw Failure(errors: result.errors) }
        return result.output.split(separator: "\n").map { String($0) }
    }

    /// A script that failed, with what it said.
    public struct Failure: Error {
        let errors: String
    }
}
