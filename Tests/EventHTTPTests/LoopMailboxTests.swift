import EventHTTP
import POSIX
import Testing

@Suite struct LoopMailboxTests {
    @Test("messages of several threads all arrive, each thread's in order")
    func order() throws {
        let mailbox = try LoopMailbox<(thread: Int, number: Int)>()
        let threads = try (0..<4).map { index in
            try Thread(name: "poster") {
                for number in 0..<5000 { mailbox.post((index, number)) }
            }
        }
        let loop = EventLoop()
        var next = [0, 0, 0, 0]
        var isInOrder = true
        let source = mailbox.attach(to: loop) { message in
            isInOrder = isInOrder && next[message.thread] == message.number
            next[message.thread] += 1
            if next.allSatisfy({ $0 == 5000 }) { loop.stop() }
        }
        loop.run {}
        withExtendedLifetime(source) {}
        for thread in threads { thread.join() }
        #expect(isInOrder)
        #expect(next == [5000, 5000, 5000, 5000])
    }
}
