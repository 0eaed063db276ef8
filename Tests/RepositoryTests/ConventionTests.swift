import Foundation
import TestSupport
import Testing

/// What the code promises about itself, as an ordinary test.
@Suite struct ConventionTests {
    /// A Swift file below the top of the checkout.
    struct SourceFile {
        let path: String
        let lines: [String]
        /// The module, for a file in Sources.
        var module: String { path.split(separator: "/").dropFirst().first.map { String($0) } ?? "" }
        var name: String { path.split(separator: "/").last.map { String($0) } ?? "" }
    }

    /// A line that breaks a rule.
    typealias Finding = String

    private static func files(in folder: String) throws -> [SourceFile] {
        let top = FootfallBinary.packageDirectory
        let folderURL = top.appending(path: folder)
        let found = FileManager.default.enumerator(at: folderURL, includingPropertiesForKeys: nil)
        return try (found?.allObjects ?? []).compactMap { $0 as? URL }
            .filter { $0.pathExtension == "swift" }
            .map { url in
                let text = try String(contentsOf: url, encoding: .utf8)
                return SourceFile(
                    path: String(url.path.dropFirst(top.path.count)).trimmingPrefix("/")
                        .description,
                    lines: text.components(separatedBy: "\n"))
            }
    }

    /// The module that talks to each C library; nobody else may.
    private static let owners = [
        "CCrypto": "Collector", "CLibevent": "EventHTTP", "CRdKafka": "KafkaForwarding",
        "CXXHash": "EventLog", "CZlib": "Collector", "CZstd": "EventLog",
    ]

    private static func imports(_ file: SourceFile) -> [Finding] {
        file.lines.compactMap { line in
            guard let module = line.split(separator: " ").last.map({ String($0) }),
                line.contains("import "), let owner = owners[module], file.module != owner
            else { return nil }
            return "\(file.path): only \(owner) imports \(module)"
        }
    }

    /// `Unmanaged` outlives Swift's checks, so each C library has one file for it.
    private static func unmanaged(_ file: SourceFile) -> [Finding] {
        let allowed = [
            "Sources/EventHTTP/Callbacks.swift", "Sources/KafkaForwarding/KafkaClient.swift",
            "Sources/POSIX/Thread.swift",
        ]
        guard !allowed.contains(file.path), file.lines.contains(where: { $0.contains("Unmanaged") })
        else { return [] }
        return ["\(file.path): Unmanaged belongs in \(allowed.joined(separator: " or "))"]
    }

    private static func unchecked(_ file: SourceFile) -> [Finding] {
        file.lines.indices.compactMap { index in
            let line = file.lines[index]
            guard line.contains("@unchecked Sendable") || line.contains("nonisolated(unsafe)"),
                !line.contains("\"")
            else { return nil }
            let above = index > 0 ? file.lines[index - 1].trimmingCharacters(in: .whitespaces) : ""
            return above.hasPrefix("// ") ? nil : "\(file.path):\(index + 1): no reason above it"
        }
    }

    private static func leftovers(_ file: SourceFile) -> [Finding] {
        file.lines.indices.compactMap { index in
            let isFound = ["FIX" + "ME", "TO" + "DO", "XX" + "X"].contains {
                file.lines[index].contains("// \($0)")
            }
            return isFound ? "\(file.path):\(index + 1): a leftover" : nil
        }
    }

    private static func foundation(_ file: SourceFile) -> [Finding] {
        // `tail` decodes JSON for people; nothing else of the server needs it.
        let allowed = ["Sources/Collector/Inspection/Tail.swift"]
        guard !allowed.contains(file.path),
            file.lines.contains(where: { $0.contains("import Foundation") })
        else { return [] }
        return ["\(file.path): no Foundation on the path of a hit"]
    }

    private static let rules: [@Sendable (SourceFile) -> [Finding]] = [
        imports, unmanaged, unchecked, leftovers, foundation,
    ]

    @Test("the sources keep the conventions")
    func sources() throws {
        let files = try Self.files(in: "Sources")
        #expect(files.count > 40)
        for file in files {
            for rule in Self.rules { #expect(rule(file) == [], "\(file.path)") }
        }
    }

    @Test("the tests keep those that concern them")
    func tests() throws {
        for file in try Self.files(in: "Tests") where file.name != "ConventionTests.swift" {
            #expect(Self.unchecked(file) + Self.leftovers(file) == [], "\(file.path)")
        }
    }

    @Test("a file that breaks every convention is found out by each")
    func badFixture() {
        let bad = SourceFile(
            path: "Sources/Tracking/Bad.swift",
            lines: [
                "import Foundation", "internal import CLibevent", "let x = Unmanaged<A>.self",
                "final class A: @unchecked Sendable {}", "// " + "FIX" + "ME later",
            ])
        for (index, rule) in Self.rules.enumerated() {
            #expect(rule(bad).count == 1, "rule \(index)")
        }
    }

    @Test("the top level holds what the design names, and nothing else")
    func topLevel() throws {
        let result = try ChildProcess.run(
            ["git", "ls-files"], in: FootfallBinary.packageDirectory.path)
        try #require(result.status == 0, "\(result.errors)")
        let entries = Set(result.output.split(separator: "\n").map { $0.prefix { $0 != "/" } })
        let named: Set<Substring> = [
            "Package.swift", "Sources", "Tests", "Benchmarks", "README.md", "Makefile", "LICENSE",
            "CHANGELOG.md", "Deploy",
        ]
        #expect(entries.filter { !$0.hasPrefix(".") && !named.contains($0) } == [])
    }
}
