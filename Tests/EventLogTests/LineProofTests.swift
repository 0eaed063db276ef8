import Testing

@testable import EventLog

@Suite struct LineProofTests {
    private func finished(_ body: String, sequence: UInt64, synced: UInt64?) -> [UInt8] {
        var bytes = Array(body.utf8)
        let count = bytes.count
        bytes += [UInt8](repeating: 0, count: LineProof.bytesMax)
        let length = bytes.withUnsafeMutableBufferPointer { buffer in
            buffer.baseAddress.map {
                LineProof.finish($0, count: count, sequence: sequence, synced: synced)
            } ?? 0
        }
        return Array(bytes[..<length])
    }

    private func check(_ line: [UInt8]) -> LineProof.Verdict {
        line.withUnsafeBytes { LineProof.check($0) }
    }

    @Test("a line ends in its sequence and its checksum, to the letter")
    func golden() {
        #expect(
            String(decoding: finished(#"{"v":1"#, sequence: 12, synced: 7), as: UTF8.self)
                == #"{"v":1,"synced":7,"seq":12,"sum":"\#(Self.goldenSum)"}"# + "\n")
    }

    /// `xxhash.xxh3_64_hexdigest(b'{"v":1,"synced":7,"seq":12')` of PyPI's xxhash.
    private static let goldenSum = "b600db326df80524"

    @Test(
        "what was finished is valid",
        arguments: [
            (UInt64(1), UInt64?.none), (1, 0), (999, 998), (UInt64.max - 1, .max - 2), (1000, nil),
        ])
    func valid(_ sequence: UInt64, _ synced: UInt64?) {
        let line = finished(#"{"a":"b""#, sequence: sequence, synced: synced).dropLast()
        #expect(check(Array(line)) == .valid(sequence: sequence, synced: synced))
    }

    @Test(
        "a sequence that has no next one, or a mark of the future, is no line of a log",
        arguments: [(UInt64.max, UInt64?.none), (7, 7), (7, 8), (7, .max)])
    func impossible(_ sequence: UInt64, _ synced: UInt64?) {
        let line = finished(#"{"a":"b""#, sequence: sequence, synced: synced).dropLast()
        #expect(check(Array(line)) == .invalid(.notALine))
    }

    @Test("any flipped bit is found")
    func flippedBits() {
        let line = Array(finished(#"{"a":"b""#, sequence: 41, synced: 40).dropLast())
        for index in line.indices {
            for bit in 0..<8 {
                var damaged = line
                damaged[index] ^= 1 << bit
                #expect(check(damaged) != .valid(sequence: 41, synced: 40), "\(index) \(bit)")
                if case .valid = check(damaged) { Issue.record("byte \(index) bit \(bit)") }
            }
        }
    }

    @Test("any shortened line is found")
    func shortened() {
        let line = Array(finished(#"{"a":"b""#, sequence: 41, synced: nil).dropLast())
        for count in 0..<line.count {
            if case .valid = check(Array(line[..<count])) { Issue.record("\(count) bytes") }
        }
    }
}
