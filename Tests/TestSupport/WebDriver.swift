internal import Foundation

/// A chromedriver, which starts browsers and leads them (W3C WebDriver).
public final class WebDriver {
    private let process: ChildProcess
    private let port: UInt16

    /// Whether the driver and its browser are installed.
    public static var isInstalled: Bool {
        ["chromedriver", "chromium"].allSatisfy {
            TestSupport.isInstalled($0)
        }
    }

    /// What the driver says when it cannot do a thing.
    public struct Failure: Error {
        /// Its words.
        public let message: String
    }

    /// Starts the driver on a free port.
    public init() throws {
        process = try ChildProcess(["chromedriver", "--port=0"])
        let words = "was started successfully on port "
        for _ in 0..<3000 where !process.output.contains(words) && !process.hasEnded {
            usleep(10_000)
        }
        let number = process.output.components(separatedBy: words).dropFirst().first?
            .prefix { $0.isNumber }
        guard let number, let port = UInt16(number) else {
            throw Failure(message: process.output + process.errors)
        }
        self.port = port
    }

    deinit {
        process.signal(SIGTERM)
        _ = process.waitForEnd(seconds: 20)
    }

    /// The value of the answer to a command.
    fileprivate func command(
        _ method: String, _ path: String, _ parameters: [String: Any] = [:]
    ) throws -> Any? {
        let connection = try HTTPConnection(port: port)
        let body = try JSONSerialization.data(withJSONObject: parameters)
        let content = method == "POST" ? Array(body) : []
        connection.send(
            "\(method) \(path) HTTP/1.1\r\nHost: localhost:\(port)\r\nConnection: close\r\n"
                + "Content-Type: application/json\r\nContent-Length: \(content.count)\r\n\r\n")
        connection.send(content)
        guard let reply = connection.receive() else {
            throw Failure(message: "no answer to \(path)")
        }
        let answer = try JSONSerialization.jsonObject(with: Data(reply.body)) as? [String: Any]
        if reply.status != 200 { throw Failure(message: "\(path): \(reply.text)") }
        return answer?["value"]
    }

    /// Starts a browser with a profile of its own, which takes any certificate. `preferences` are
    /// Chromium's own.
    public func browser(
        flags: [String] = [], preferences: [String: any Sendable] = [:]
    ) throws -> WebBrowser {
        let options: [String: Any] = [
            "args": [
                "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run",
                "--disable-background-networking", "--disable-dev-shm-usage",
            ] + flags,
            "prefs": preferences,
        ]
        let capabilities: [String: Any] = [
            "browserName": "chrome", "acceptInsecureCerts": true, "goog:chromeOptions": options,
        ]
        let value = try command(
            "POST", "/session", ["capabilities": ["alwaysMatch": capabilities]])
        guard let id = (value as? [String: Any])?["sessionId"] as? String else {
            throw Failure(message: "no session: \(String(describing: value))")
        }
        return WebBrowser(driver: self, path: "/session/\(id)")
    }
}

/// A browser of a `WebDriver`.
public final class WebBrowser {
    private let driver: WebDriver
    private let path: String

    fileprivate init(driver: WebDriver, path: String) {
        self.driver = driver
        self.path = path
    }

    deinit {
        _ = try? driver.command("DELETE", path)
    }

    /// Goes to a page and waits until it has loaded.
    public func open(_ url: String) throws {
        _ = try driver.command("POST", path + "/url", ["url": url])
    }

    /// Goes back.
    public func back() throws {
        _ = try driver.command("POST", path + "/back")
    }

    /// Runs the body of a function in the page. What it returns, as text; empty for nothing.
    @discardableResult
    public func run(_ script: String) throws -> String {
        let value = try driver.command(
            "POST", path + "/execute/sync", ["script": script, "args": [String]()])
        return value.map { $0 is NSNull ? "" : "\($0)" } ?? ""
    }

    /// Runs a script that calls its last argument with what it has to say.
    public func wait(_ script: String) throws -> String {
        let value = try driver.command(
            "POST", path + "/execute/async", ["script": script, "args": [String]()])
        return value.map { "\($0)" } ?? ""
    }

    /// Clicks the first element of a CSS selector.
    public func click(_ selector: String) throws {
        let found = try driver.command(
            "POST", path + "/element", ["using": "css selector", "value": selector])
        guard let element = (found as? [String: Any])?.values.first as? String else {
            throw WebDriver.Failure(message: "no element \(selector)")
        }
        _ = try driver.command("POST", path + "/element/\(element)/click")
    }

    /// From now on, until another page is opened, means the first frame of the page.
    public func enterFrame() throws {
        _ = try driver.command("POST", path + "/frame", ["id": 0])
    }

    /// The page as it stands.
    public var source: String {
        get throws { try driver.command("GET", path + "/source") as? String ?? "" }
    }

    /// A command of the Chrome DevTools Protocol.
    public func devTools(_ name: String, _ parameters: [String: any Sendable]) throws {
        _ = try driver.command(
            "POST", path + "/goog/cdp/execute", ["cmd": name, "params": parameters])
    }
}
