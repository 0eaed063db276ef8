internal import EventHTTP
internal import Tracking

/// What is printed of a request when it is answered, in the words of the article's servers.
struct PrintedRequest {
    private var lines: String
    /// The request in the Common Log Format, up to the status; nil in mode `hits`.
    private var logged: String?

    /// A hit of whom `identity` tells.
    init(
        hit head: borrowing RequestHead, _ identity: Identity, _ aliases: ParameterAliases,
        time: Timestamp, mode: PrintMode
    ) {
        self.init(head, time: time, mode: mode)
        if mode == .requests { lines += Self.environment(of: head) }
        var name = "Somebody"
        if let visitor = identity.visitor {
            if visitor.isNew { lines += "User did not have id, giving: \(visitor.id)\n" }
            name = "User \(visitor.id)"
        } else if let privacy = identity.privacy {
            name = "Somebody (\(privacy.name))"
        }
        let search = aliases.firstValue(of: "s", in: head.query) ?? []
        lines += "\(name) searched for: \(TerminalText.escaped(search))\n"
    }

    /// Any other request.
    init(_ head: borrowing RequestHead, time: Timestamp, mode: PrintMode) {
        lines = ""
        guard mode == .requests else { return }
        let peer = head.peer.count == 0 ? "-" : TerminalText.escaped(Array(head.peer))
        logged =
            "\(peer) - - [\(CommonLogTime(time))] \"\(head.method.name) "
            + "\(TerminalText.escaped(Array(head.target))) HTTP/1.\(head.minorVersion)\""
    }

    /// The whole text, for a reply with `status` and `bytes` of content.
    func text(status: HTTPStatus, bytes: Int) -> String {
        guard let logged else { return lines }
        return lines + "\(logged) \(status.rawValue) \(bytes)\n"
    }

    /// The request as the article's server saw it: the values whose names begin with `REQUEST_`,
    /// `PATH_`, `QUERY_` and `HTTP_`.
    private static func environment(of head: borrowing RequestHead) -> String {
        var text = "REQUEST_METHOD: \(head.method.name)\n"
        text += "PATH_INFO: \(TerminalText.escaped(Array(head.path)))\n"
        text += "QUERY_STRING: \(TerminalText.escaped(Array(head.query)))\n"
        for index in 0..<head.fieldCount {
            let name = TerminalText.escaped(Array(head.fieldName(at: index)))
            let value = TerminalText.escaped(Array(head.fieldValue(at: index)))
            text += "HTTP_\(name.uppercased().replacing("-", with: "_")): \(value)\n"
        }
        return text
    }
}

/// The time of the Common Log Format: `24/Apr/2013:20:03:21 +0000`.
struct CommonLogTime: CustomStringConvertible {
    let description: String

    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    init(_ time: Timestamp) {
        let seconds = time.microseconds / 1_000_000
        let date = CivilDate(daysSinceEpoch: seconds / 86_400)
        func two(_ value: Int64) -> String { value < 10 ? "0\(value)" : "\(value)" }
        description =
            "\(two(date.day))/\(Self.months[Int(date.month) - 1])/\(date.year):"
            + "\(two(seconds / 3600 % 24)):\(two(seconds / 60 % 60)):\(two(seconds % 60)) +0000"
    }
}

extension Array<UInt8> {
    /// A copy of the bytes.
    init(_ span: Span<UInt8>) {
        self = span.withUnsafeBufferPointer { Array($0) }
    }
}
