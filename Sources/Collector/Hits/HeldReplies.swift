internal import DequeModule
internal import EventHTTP

/// A hit whose reply waits for the log.
struct HeldReply: ~Copyable {
    var exchange: HTTPExchange
    /// What it is if the hit is stored.
    let reply: HitReply
    /// What is printed when it is answered; nil if nothing is.
    let printed: PrintedRequest?
    /// Its line in the access log; nil if there is none.
    let logged: AccessLog.Line?

    init(
        exchange: consuming HTTPExchange, reply: HitReply, printed: PrintedRequest?,
        logged: AccessLog.Line?
    ) {
        self.exchange = exchange
        self.reply = reply
        self.printed = printed
        self.logged = logged
    }
}

/// The replies of one loop that wait until their lines are stored, in the order of the lines.
struct HeldReplies: ~Copyable {
    /// The replies of one batch that was written.
    struct Group {
        /// The sequence of the batch's last line.
        let through: UInt64
        let count: Int
        /// How many lines they have.
        let lines: Int
        /// When it began to wait, on the monotonic clock.
        let since: Double
    }

    /// Those of the batch that is being filled.
    private var filling = UniqueDeque<HeldReply>()
    /// Those of the groups.
    private var written = UniqueDeque<HeldReply>()
    private var groups = Deque<Group>()

    /// How many wait.
    var count: Int { filling.count + written.count }
    /// How many wait for the batch that is being filled.
    var fillingCount: Int { filling.count }

    /// Adds a reply whose line is in the batch that is being filled.
    mutating func append(_ reply: consuming HeldReply) {
        filling.append(reply)
    }

    /// The batch was written; its replies wait until `through` is stored.
    mutating func closeBatch(through: UInt64, lines: Int, at now: Double) {
        groups.append(Group(through: through, count: filling.count, lines: lines, since: now))
        while let reply = filling.popFirst() { written.append(reply) }
    }

    /// Gives the replies of the batch that is being filled to `answer`.
    mutating func takeBatch(_ answer: (consuming HeldReply) -> Void) {
        while let reply = filling.popFirst() { answer(reply) }
    }

    /// Gives the written replies up to a sequence to `answer`, after their group to `begin`.
    mutating func take(
        through sequence: UInt64, _ begin: (Group) -> Void, _ answer: (consuming HeldReply) -> Void
    ) {
        while let group = groups.first, group.through <= sequence {
            takeFirst(group, begin, answer)
        }
    }

    /// Gives the written replies that have waited since before `time` to `answer`, after their group
    /// to `begin`.
    mutating func take(
        waitingSince time: Double, _ begin: (Group) -> Void,
        _ answer: (consuming HeldReply) -> Void
    ) {
        while let group = groups.first, group.since < time { takeFirst(group, begin, answer) }
    }

    private mutating func takeFirst(
        _ group: Group, _ begin: (Group) -> Void, _ answer: (consuming HeldReply) -> Void
    ) {
        groups.removeFirst()
        begin(group)
        for _ in 0..<group.count {
            if let reply = written.popFirst() { answer(reply) }
        }
    }
}
