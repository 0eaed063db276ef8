import Glibc
import POSIX
import Testing

@testable import Collector

@Suite struct PrinterTests {
    @Test("a printer that falls behind drops whole texts and says how many")
    func drops() throws {
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        let printer = try Printer(FileOutput(ends[1]))
        let line = String(repeating: "x", count: 999) + "\n"
        // Nobody reads: the pipe fills, then what waits does, and the loop never blocks.
        for _ in 0..<5000 { printer.print(line) }
        let (input, output) = (ends[0], ends[1])
        let text = Monitor("")
        let reader = try Thread(name: "reader") {
            let all = Self.readAll(input)
            text.withLock { $0 = all }
        }
        printer.close()
        close(output)
        reader.join()
        close(input)
        let lines = text.withLock { $0 }.split(separator: "\n")
        let whole = lines.count { $0.count == 999 }
        let dropped = lines.compactMap {
            $0.hasPrefix("(") ? Int($0.dropFirst().prefix { $0.isNumber }) : nil
        }
        #expect(whole < 5000)
        #expect(whole + dropped.reduce(0, +) == 5000)
        #expect(lines.count == whole + dropped.count)
    }

    @Test("everything is printed that was left, in order")
    func order() throws {
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        let (input, output) = (ends[0], ends[1])
        let printer = try Printer(FileOutput(output))
        let texts = Monitor("")
        let reader = try Thread(name: "reader") {
            let text = Self.readAll(input)
            texts.withLock { $0 = text }
        }
        for number in 0..<1000 { printer.print("\(number)\n") }
        printer.close()
        close(output)
        reader.join()
        close(input)
        #expect(texts.withLock { $0 } == (0..<1000).map { "\($0)\n" }.joined())
    }

    private static func readAll(_ descriptor: Int32) -> String {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while case let count = read(descriptor, &chunk, chunk.count), count > 0 {
            bytes += chunk[..<count]
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
