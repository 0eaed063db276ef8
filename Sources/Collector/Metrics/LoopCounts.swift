internal import EventHTTP
internal import EventLog
internal import Measuring
internal import Tracking

/// What one loop has counted since the start: plain numbers at fixed places, so that to count costs
/// an addition. Others get a copy when they ask.
struct LoopCounts: Sendable {
    /// Requests that were answered, by route and status.
    private var requestsByStatus = InlineArray<273, UInt64>(repeating: 0)
    /// Requests that were not stored because of a signal of the visitor's.
    private var droppedBySignal = InlineArray<3, UInt64>(repeating: 0)
    /// Events that were not stored, by reason.
    private var rejectedByReason = InlineArray<5, UInt64>(repeating: 0)
    /// Events that the log has taken.
    var accepted: UInt64 = 0
    /// Hits that were answered with 503 because the disk took too long; they may yet be stored.
    var overdue: UInt64 = 0
    /// Clicks that redirected and were not stored.
    var unstoredClicks: UInt64 = 0
    /// From the append of a hit to its reply.
    var commitLatency = DurationHistogram()
    /// Events of each append.
    var appendLines = SizeHistogram()
    /// How late the loop's timer was.
    var delay = DurationHistogram()
    /// What its servers have counted; filled in when somebody asks.
    var server = ServerCounts()

    /// What the path of a request stands for, as it is counted.
    enum RouteName: Int, CaseIterable {
        case script, image, beacon, click, buster, tag, optOut, optIn, gpcStatement, favicon, robots
        case demo
        /// No path of the collector's.
        case none
    }

    /// Why an event was not stored.
    enum Rejection: Int, CaseIterable {
        /// It has more bytes than `event_bytes_max` allows, or its request has too many events.
        case tooLarge
        /// It is not what a beacon may be.
        case invalid
        /// The disk is almost full.
        case diskFull
        /// Too much waits for the disk.
        case backlog
        /// The disk fails.
        case failing
    }

    /// Counts a reply.
    mutating func addRequest(_ route: RouteName, _ status: HTTPStatus) {
        requestsByStatus[route.rawValue * HTTPStatus.count + status.index] += 1
    }

    /// Counts a request whose hit the visitor did not want to be stored.
    mutating func addDropped(_ signal: PrivacySignal) {
        droppedBySignal[signal.index] += 1
    }

    /// Counts events that were not stored.
    mutating func addRejected(_ reason: Rejection, _ count: Int = 1) {
        rejectedByReason[reason.rawValue] += UInt64(count)
    }

    /// Requests that were answered so.
    func requests(_ route: RouteName, _ status: HTTPStatus) -> UInt64 {
        requestsByStatus[route.rawValue * HTTPStatus.count + status.index]
    }

    /// Requests that were not stored because of that signal.
    func dropped(_ signal: PrivacySignal) -> UInt64 { droppedBySignal[signal.index] }

    /// Requests that were not stored because of any signal.
    var dropped: UInt64 { PrivacySignal.all.reduce(0) { $0 + dropped($1) } }

    /// Events that were not stored for that reason.
    func rejected(_ reason: Rejection) -> UInt64 { rejectedByReason[reason.rawValue] }

    /// Adds what another loop has counted.
    static func += (one: inout LoopCounts, other: LoopCounts) {
        let requestsByStatus = other.requestsByStatus.span
        for index in requestsByStatus.indices {
            one.requestsByStatus[index] += requestsByStatus[index]
        }
        let droppedBySignal = other.droppedBySignal.span
        for index in droppedBySignal.indices {
            one.droppedBySignal[index] += droppedBySignal[index]
        }
        let rejectedByReason = other.rejectedByReason.span
        for index in rejectedByReason.indices {
            one.rejectedByReason[index] += rejectedByReason[index]
        }
        one.accepted += other.accepted
        one.overdue += other.overdue
        one.unstoredClicks += other.unstoredClicks
        one.commitLatency += other.commitLatency
        one.appendLines += other.appendLines
        one.delay += other.delay
        one.server += other.server
    }
}

extension LoopCounts.RouteName {
    init(_ route: Route) {
        switch route {
        case .pixel(.script): self = .script
        case .pixel(.image): self = .image
        case .beacon: self = .beacon
        case .click: self = .click
        case .buster: self = .buster
        case .tag: self = .tag
        case .optOut(.out): self = .optOut
        case .optOut(.back): self = .optIn
        case .gpcStatement: self = .gpcStatement
        case .favicon: self = .favicon
        case .robots: self = .robots
        case .demo, .demoHit: self = .demo
        }
    }

    init(_ reply: HitReply) {
        switch reply {
        case .script: self = .script
        case .image: self = .image
        case .beacon, .batch: self = .beacon
        case .click: self = .click
        }
    }
}

extension LoopCounts.Rejection {
    init(_ refusal: EventLog.Refusal) {
        switch refusal {
        case .backlog: self = .backlog
        case .full: self = .diskFull
        case .failing: self = .failing
        }
    }
}

extension PrivacySignal {
    static let all: [PrivacySignal] = [.optOut, .globalPrivacyControl, .doNotTrack]

    fileprivate var index: Int {
        switch self {
        case .optOut: 0
        case .globalPrivacyControl: 1
        case .doNotTrack: 2
        }
    }
}

extension HTTPStatus {
    /// How many there are.
    fileprivate static let count = 21

    /// Its place among all.
    fileprivate var index: Int {
        switch self {
        case .ok: 0
        case .noContent: 1
        case .found: 2
        case .seeOther: 3
        case .notModified: 4
        case .badRequest: 5
        case .unauthorized: 6
        case .forbidden: 7
        case .notFound: 8
        case .methodNotAllowed: 9
        case .requestTimeout: 10
        case .lengthRequired: 11
        case .contentTooLarge: 12
        case .uriTooLong: 13
        case .unsupportedMediaType: 14
        case .expectationFailed: 15
        case .requestHeaderFieldsTooLarge: 16
        case .internalServerError: 17
        case .notImplemented: 18
        case .serviceUnavailable: 19
        case .httpVersionNotSupported: 20
        }
    }
}
