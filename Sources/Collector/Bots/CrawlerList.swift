/// Finds known programs by parts of their user agents: an automaton after Aho and Corasick ("Efficient
/// string matching", 1975) that looks at each byte once, whatever it is and however many parts it
/// knows. Made once and shared by the loops.
struct CrawlerList: Sendable {
    /// What each byte is to the automaton: all those in no part are alike.
    private let symbols: [UInt8]
    private let symbolCount: Int
    /// For each state, the next one for each symbol.
    private let next: [UInt16]
    /// For each state, the first line of the list of which a part ends there.
    private let lines: [UInt16]
    /// For each line, the name of the program.
    private let names: [BotReason]

    /// A user agent is judged by its first so many bytes.
    static let userAgentBytesMax = 1024

    private static let noLine = UInt16.max
    private static let other: UInt8 = 0
    private static let start: UInt8 = 1
    private static let end: UInt8 = 2

    /// Reads a text like `CrawlerPatterns.text`.
    init(_ text: StaticString = CrawlerPatterns.text) {
        let bytes = Array(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
        var builder = Builder()
        var names: [BotReason] = []
        for line in bytes.split(separator: UInt8(ascii: "\n")) {
            let parts = line.split(separator: UInt8(ascii: "\t"))
            for part in parts { builder.add(part, line: UInt16(names.count)) }
            names.append(BotReason(text, Self.name(of: parts[0])))
        }
        self.names = names
        symbols = builder.symbols
        symbolCount = builder.symbolCount
        (next, lines) = builder.automaton()
    }

    /// The name in a part: what stands around it tells it from others, and is not the name itself.
    private static func name(of part: ArraySlice<UInt8>) -> Range<Int> {
        let name = part.drop { "^ ".utf8.contains($0) }
        let end = name.lastIndex { !"$ /".utf8.contains($0) } ?? name.startIndex
        return name.startIndex..<end + 1
    }

    /// The name of the program that has this user agent; none if it is not known.
    func reason(of userAgent: Span<UInt8>) -> BotReason {
        var state = step(0, Self.start)
        var line = lines[state]
        let count = min(userAgent.count, Self.userAgentBytesMax)
        for index in 0..<count {
            state = step(state, symbols[Int(userAgent[index])])
            line = min(line, lines[state])
        }
        if count == userAgent.count { line = min(line, lines[step(state, Self.end)]) }
        return line == Self.noLine ? .none : names[Int(line)]
    }

    private func step(_ state: Int, _ symbol: UInt8) -> Int {
        Int(next[state * symbolCount + Int(symbol)])
    }

    /// Makes the automaton.
    private struct Builder {
        private struct Node {
            var children: [(symbol: UInt8, node: Int)] = []
            var line = CrawlerList.noLine
        }

        private var nodes = [Node()]
        private(set) var symbols = [UInt8](repeating: CrawlerList.other, count: 256)
        private(set) var symbolCount = 3

        /// Adds a part of a line.
        mutating func add(_ part: ArraySlice<UInt8>, line: UInt16) {
            var node = 0
            for byte in part {
                let symbol = symbol(for: byte)
                if let child = nodes[node].children.first(where: { $0.symbol == symbol }) {
                    node = child.node
                } else {
                    nodes[node].children.append((symbol, nodes.count))
                    node = nodes.count
                    nodes.append(Node())
                }
            }
            nodes[node].line = min(nodes[node].line, line)
        }

        private mutating func symbol(for byte: UInt8) -> UInt8 {
            if byte == UInt8(ascii: "^") { return CrawlerList.start }
            if byte == UInt8(ascii: "$") { return CrawlerList.end }
            if symbols[Int(byte)] == CrawlerList.other {
                symbols[Int(byte)] = UInt8(symbolCount)
                symbolCount += 1
            }
            return symbols[Int(byte)]
        }

        /// The table of states and the line of each. A state goes on like the longest of its proper
        /// ends that is a state too, but for its children.
        func automaton() -> (next: [UInt16], lines: [UInt16]) {
            precondition(nodes.count <= UInt16.max, "the list is for programs, not for everything")
            var next = [UInt16](repeating: 0, count: nodes.count * symbolCount)
            var lines = nodes.map(\.line)
            // From the root on, level by level: an end of a state is nearer to the root.
            var queue = [(node: 0, end: 0)]
            var position = 0
            while position < queue.count {
                let (node, end) = queue[position]
                position += 1
                let row = node * symbolCount
                if node > 0 {
                    // One by one: a slice of the table would make it be copied for each state.
                    for symbol in 0..<symbolCount {
                        next[row + symbol] = next[end * symbolCount + symbol]
                    }
                }
                lines[node] = min(lines[node], lines[end])
                for (symbol, child) in nodes[node].children {
                    queue.append((child, node == 0 ? 0 : Int(next[row + Int(symbol)])))
                    next[row + Int(symbol)] = UInt16(child)
                }
            }
            return (next, lines)
        }
    }
}
