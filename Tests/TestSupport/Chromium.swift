/// A real browser, without a window, with a profile of a test's own.
public final class Chromium: Sendable {
    private let profile = TemporaryDirectory()

    /// A browser that has never been anywhere.
    public init() {}

    /// Opens a page, waits until it has loaded, and closes the browser. The document as it stood
    /// then.
    public func open(_ url: String, _ flags: [String] = []) throws -> String {
        let result = try ChildProcess.run(
            [
                "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
                "--disable-background-networking", "--disable-dev-shm-usage",
                "--user-data-dir=\(profile.path)", "--dump-dom",
            ] + flags + [url], seconds: 90)
        guard result.status == 0 else { throw Failed(status: result.status, errors: result.errors) }
        return result.output
    }

    /// A browser that ended badly.
    public struct Failed: Error {
        /// What it exited with.
        public let status: Int32
        /// What it wrote to standard error.
        public let errors: String
    }
}
