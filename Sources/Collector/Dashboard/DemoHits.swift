internal import DequeModule
internal import EventHTTP
internal import EventLog
internal import Glibc
internal import Insight
internal import POSIX
internal import Tracking

/// Looks in the log for hits of the demo pages, so that a person sees the own hit as it is stored:
/// one at a time, on a thread of its own with the lowest priority.
///
/// It finds only what has an identifier that nobody can guess, and that a demo page has made.
final class DemoHits: Sendable {
    /// Where a page asks, with the hit's parameter `e`.
    static let path = "/demo/hit"

    private struct Question: Sendable {
        let identifier: String
        let answer: @Sendable ([UInt8]?) -> Void
    }

    private struct Shared {
        var questions = Deque<Question>()
        var isStopping = false
    }

    private let shared = Monitor(Shared())
    private let thread: Thread

    /// Questions that may wait.
    private static let questionsMax = 32
    /// Bytes of the log, from its end back, in which a hit is looked for.
    private static let searchedBytes = 8 << 20
    /// Seconds between two looks.
    private static let pauseSeconds = 0.01
    private static let prefix = "demo-"
    /// Characters behind that.
    private static let randomCharacters = 20

    /// Looks in the log in `directory`.
    init(directory: String) throws(SystemError) {
        let shared = shared
        thread = try Thread(name: "demo-hits") {
            // setpriority(2): of the calling thread alone, on Linux.
            setpriority(Int32(PRIO_PROCESS.rawValue), 0, 19)
            while true {
                let (question, isStopping) = shared.withLock(
                    waitingFor: { $0.isStopping || !$0.questions.isEmpty }, seconds: 3600
                ) { ($0.questions.popFirst(), $0.isStopping) }
                if let question {
                    question.answer(Self.line(of: question.identifier, in: directory))
                    Thread.sleep(seconds: Self.pauseSeconds)
                } else if isStopping {
                    return
                }
            }
        }
    }

    /// Whether a demo page can have made that identifier.
    static func isIdentifier(_ text: String) -> Bool {
        text.hasPrefix(prefix) && text.utf8.count == prefix.utf8.count + randomCharacters
            && text.dropFirst(prefix.count).allSatisfy {
                $0.isASCII && ($0.isLetter || $0.isNumber)
            }
    }

    /// An identifier of random bits.
    static func identifier(_ random: (UInt64, UInt64)) -> String {
        let digits = [random.0, random.1].map { word in
            let text = String(word, radix: 16)
            return String(repeating: "0", count: 16 - text.utf8.count) + text
        }
        return prefix + digits.joined().prefix(randomCharacters)
    }

    /// Calls `answer` on the thread with the line of the hit with `identifier`, nil if the log does
    /// not have it yet; answers come in the order of the questions. False if too many wait. Any
    /// thread.
    func ask(_ identifier: String, _ answer: @escaping @Sendable ([UInt8]?) -> Void) -> Bool {
        let isTaken = shared.withLock { shared in
            guard shared.questions.count < Self.questionsMax else { return false }
            shared.questions.append(Question(identifier: identifier, answer: answer))
            return true
        }
        if isTaken { shared.notify() }
        return isTaken
    }

    /// Answers what waits and ends the thread. Once.
    func stop() {
        shared.withLock { $0.isStopping = true }
        shared.notify()
        thread.join()
    }

    private static func line(of identifier: String, in directory: String) -> [UInt8]? {
        var wanted = EventIdentifier(identifier)
        var found: [UInt8]?
        // If the log cannot be read, the hit is not found.
        try? LogReader.readLast(bytes: searchedBytes, in: directory) { _, line in
            if wanted.isIn(line) { found = Array(line) }
            return found == nil
        }
        return found
    }
}

extension LoopWorker {
    private static let fields: [Response.Field] = [
        .init("Content-Type", "application/json"), .init("Cache-Control", "no-store"),
        .init("X-Content-Type-Options", "nosniff"),
    ]
    private static let absentReply = Response.plain(
        .notFound, [.init("Cache-Control", "no-store")])
    private static let busyReply = Response.plain(
        .serviceUnavailable, [.init("Cache-Control", "no-store"), .init("Retry-After", "1")])

    /// Answers a demo page that asks for its hit.
    func answerDemoHit(_ head: borrowing RequestHead, _ exchange: consuming HTTPExchange) {
        let value = FormURLEncoded.firstValue(of: "e", in: head.query) ?? []
        let identifier = String(decoding: value, as: UTF8.self)
        guard head.method == .get else {
            return answer(
                head, exchange, .plain(.methodNotAllowed, [.init("Allow", "GET")]))
        }
        guard DemoHits.isIdentifier(identifier) else {
            return answer(head, exchange, .plain(.badRequest))
        }
        let isAsked = demoHits.ask(identifier) { [mailbox] in mailbox.post(.demoHit($0)) }
        if isAsked {
            demoQuestions.append(exchange)
        } else {
            answer(head, exchange, Self.busyReply)
        }
    }

    /// The answer to the oldest question.
    func receiveDemoHit(_ line: [UInt8]?) {
        guard let exchange = demoQuestions.popFirst() else { return }
        let reply = line.map { Response(.ok, Self.fields, bytes: $0 + [0x0a]) } ?? Self.absentReply
        counts.addRequest(.demo, reply.status)
        exchange.reply(reply)
    }
}
