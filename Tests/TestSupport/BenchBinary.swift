public import POSIX

/// The built `footfall-bench` binary.
public enum BenchBinary {
    /// `FOOTFALL_BENCH_BINARY`, or the one that was built together with the tests.
    public static let path = FootfallBinary.builtProduct(
        "footfall-bench", variable: "FOOTFALL_BENCH_BINARY")

    /// Runs it to its end.
    public static func run(_ arguments: String...) throws(SystemError) -> ChildProcess.Result {
        try ChildProcess.run([path] + arguments)
    }
}
