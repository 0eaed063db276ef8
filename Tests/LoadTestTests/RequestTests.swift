import EventHTTP
import Foundation
import TestSupport
import Testing

@testable import LoadTest

/// Requests as they are written, and the numbers in them.
@Suite struct RequestTests {
    private func options(_ change: (inout LoadOptions) -> Void = { _ in }) throws -> LoadOptions {
        var options = LoadOptions(
            url: "http://127.0.0.1:1/track.js",
            address: try ClientAddress(resolving: ListenAddress(parsing: "127.0.0.1:1")),
            targets: ["/track.js"], words: ["a", "b%20c"], method: "GET", body: nil,
            fields: [HeaderField("Host", "x"), HeaderField("Accept", "*/*")],
            userAgents: ["One", "Two"])
        change(&options)
        return options
    }

    private func text(_ writer: RequestWriter) -> String {
        String(decoding: writer.bytes, as: UTF8.self)
    }

    private let none = UnsafeBufferPointer<UInt8>(start: nil, count: 0)

    @Test("a request has t, r, s, the browser and the cookie where they belong")
    func request() throws {
        let writer = RequestWriter(try options())
        let variation = RequestWriter.Variation(
            milliseconds: 1_795_475_738_316, number: 0x0123_4567_89ab_cdef, target: 0, word: 1,
            userAgent: 1)
        Array("id=abc".utf8).withUnsafeBufferPointer { writer.append(variation, cookie: $0) }
        #expect(
            text(writer) == "GET /track.js?t=1795475738316&r=0123456789abcdef&s=b%20c HTTP/1.1\r\n"
                + "Host: x\r\nUser-Agent: Two\r\nAccept: */*\r\nCookie: id=abc\r\n\r\n")
    }

    @Test("a body has its length, and no keep-alive says so")
    func body() throws {
        let writer = RequestWriter(
            try options {
                $0.method = "POST"
                $0.body = Array("{}".utf8)
                $0.keepsAlive = false
                $0.words = []
                $0.targets = ["/a?b=c", "/d?"]
            })
        for target in 0..<2 {
            writer.append(
                RequestWriter.Variation(
                    milliseconds: 1_795_475_738_316, number: 1, target: target, word: 0,
                    userAgent: 0), cookie: none)
        }
        let rest =
            "t=1795475738316&r=0000000000000001 HTTP/1.1\r\nHost: x\r\nUser-Agent: One\r\n"
            + "Accept: */*\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
        #expect(text(writer) == "POST /a?b=c&\(rest)POST /d?\(rest)")
    }

    @Test("more requests than the buffer had room for are all there")
    func growth() throws {
        let writer = RequestWriter(try options())
        for number in 0..<5000 {
            writer.append(
                RequestWriter.Variation(
                    milliseconds: 1_795_475_738_316, number: UInt64(number), target: 0, word: 0,
                    userAgent: 0), cookie: none)
        }
        #expect(text(writer).components(separatedBy: "\r\n\r\n").count == 5001)
        writer.removeAll()
        #expect(writer.bytes.isEmpty)
    }

    @Test("the number of a hit tells which hit it is, in every run")
    func numbers() {
        let seed = UInt64.random(in: 0...UInt64.max)
        print("seed \(seed)")
        var random = SeededRandom(seed: seed)
        for _ in 0..<200 {
            let numbers = HitNumbers(seed: random.next())
            for hit in [0, 1, 2, 1_000_000, UInt64.max, random.next()] {
                #expect(numbers.hit(of: numbers.number(of: hit)) == hit)
            }
        }
        let one = HitNumbers(seed: 1)
        #expect(Set((0..<100_000).map { one.number(of: $0) }).count == 100_000)
        #expect(HitNumbers(seed: 2).number(of: 0) != one.number(of: 0))
    }

    @Test("a visitor keeps its cookie until it is given another one")
    func visitors() {
        let visitors = Visitors(count: 3)
        func keep(_ text: String, _ visitor: Int) -> Bool {
            Array(text.utf8).withUnsafeBufferPointer { visitors.keep($0, for: visitor) }
        }
        func cookie(_ visitor: Int) -> String {
            String(decoding: visitors.cookie(of: visitor), as: UTF8.self)
        }
        #expect(cookie(2) == "")
        #expect(keep("id=a-long-one", 2))
        #expect(keep("id=b", 1))
        #expect(keep("id=c", 2))
        #expect(["", "id=b", "id=c"] == (0..<3).map { cookie($0) })
        #expect(!keep(String(repeating: "x", count: Visitors.cookieBytesMax + 1), 2))
        #expect(cookie(2) == "id=c")
        #expect(keep(String(repeating: "x", count: Visitors.cookieBytesMax), 1))
        #expect(cookie(2) == "id=c")
    }

    @Test("a set of hits counts, and tells what another one lacks")
    func hitSet() {
        var (left, right) = (HitSet(), HitSet())
        for hit in stride(from: 0, to: 3_000_000, by: 1000) {
            let isNew = left.insert(hit)
            #expect(isNew)
        }
        let isNew = left.insert(2_999_000)
        #expect(!isNew)
        #expect(left.count == 3000)
        #expect(left.contains(1_000_000) && !left.contains(1_000_001) && !left.contains(9_000_000))
        for hit in stride(from: 0, to: 1_500_000, by: 500) { right.insert(hit) }
        #expect(left.count(missingIn: right) == 1500)
        #expect(right.count(missingIn: left) == 1500)
    }

    @Test(
        "the number is found in an event, whatever else begins like it",
        arguments: [
            (#"{"query":"r=1","params":{"t":"1","r":"00000000000000ff","s":"a"},"seq":1}"#, 255),
            (#"{"params":{"s":"\"r\":\"x"},"data":{"r":"short","r":"00000000000000ff"}}"#, 255),
            (#"{"params":{"r":"00000000000000FF"}}"#, nil),
            (#"{"params":{"r":"00000000000000ff0"}}"#, nil),
            (#"{"params":{"r":"00000000"#, nil), (#"{}"#, nil),
        ] as [(String, UInt64?)])
    func eventNumber(_ line: String, _ expected: UInt64?) {
        let found = Array(line.utf8).withUnsafeBytes { Reconciliation.number(in: $0) }
        #expect(found == expected)
    }
}
