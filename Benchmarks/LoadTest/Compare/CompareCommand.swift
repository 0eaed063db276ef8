import ArgumentParser
import FoundationEssentials
import POSIX

/// `footfall-bench compare a.json b.json`
struct CompareCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare", abstract: "Make one page of several results (-o json).")

    @Argument(help: "Results of runs, or NAME=FILE.")
    var files: [String]

    @Option(help: "A file for the page, in place of standard output.")
    var out: String?

    func run() throws {
        var results: [(name: String, result: RunResult)] = []
        for file in files { results.append(try Self.read(file)) }
        let page = HTMLReport(comparing: results).text
        guard let out else {
            FileOutput.standardOutput.write(page)
            return
        }
        do {
            try Data(page.utf8).write(to: URL(filePath: out))
        } catch {
            FootfallBench.fail("\(out): cannot be written", code: .failure)
        }
    }

    /// A result and what it is called: the file's name unless another one is given.
    private static func read(_ argument: String) throws -> (name: String, result: RunResult) {
        let parts = argument.split(separator: "=", maxSplits: 1).map { String($0) }
        let path = parts.count == 2 ? parts[1] : argument
        let fileName = path.split(separator: "/").last.map { String($0) } ?? path
        let name = parts.count == 2 ? parts[0] : fileName.replacing(".json", with: "")
        guard let data = try? Data(contentsOf: URL(filePath: path)) else {
            FootfallBench.fail("\(path): cannot be read", code: .usage)
        }
        guard let result = try? RunResult(json: data) else {
            FootfallBench.fail("\(path): not a result of footfall-bench -o json", code: .usage)
        }
        return (name: name, result: result)
    }
}
