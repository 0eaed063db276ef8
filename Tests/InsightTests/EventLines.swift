import TestSupport
import Tracking

/// An event that a test makes up, written by the code that writes those of the server.
struct MadeEvent {
    var kind = Event.Kind.track
    var time: Int64 = 1_795_000_000_000_000
    var path = "/track.js"
    var query = ""
    var visitor: UInt64? = 1
    var isNew = false
    var userAgent = ""
    var referrer = ""
    var language = ""
    var host = ""
    var privacy: PrivacySignal?
    var bot = ""
    var headers = ""
    var data: String?

    /// The line as it stands in a log, with a proof that nobody here checks.
    var line: [UInt8] {
        let (path, query) = (Array(path.utf8), Array(query.utf8))
        let (userAgent, referrer) = (Array(userAgent.utf8), Array(referrer.utf8))
        let (language, host) = (Array(language.utf8), Array(host.utf8))
        let (bot, headers, address) = (Array(bot.utf8), Array(headers.utf8), Array("::1".utf8))
        let none: [UInt8] = []
        let event = Event(
            kind: kind, id: identifier, time: Timestamp(microseconds: time), visitor: madeVisitor,
            request: Event.Request(
                method: "GET", path: path.span, query: query.span, address: address.span,
                userAgent: userAgent.span, referrer: referrer.span, language: language.span,
                host: host.span, origin: none.span),
            privacy: privacy, bot: bot.span, headers: headers.span)
        return encoded(event) + Array(#","seq":1,"sum":"0123456789abcdef"}"#.utf8)
    }

    private var identifier: UUID {
        .version7(time: Timestamp(microseconds: time), random: UInt64(bitPattern: time))
    }

    private func encoded(_ event: borrowing Event) -> [UInt8] {
        guard let data else {
            return [UInt8](capacity: event.encodedBytesMax) {
                event.encode(into: &$0, aliases: .none)
            }
        }
        let template = EventTemplate(event, aliases: .none)
        let bytes = Array(data.utf8)
        return [UInt8](capacity: template.encodedBytesMax(dataBytes: bytes.count)) {
            template.encode(id: identifier, data: bytes.span, into: &$0)
        }
    }

    /// Another event of a few pages, visitors and moments.
    static func random(_ random: inout SeededRandom) -> MadeEvent {
        var event = MadeEvent()
        func pick<Element>(_ list: [Element]) -> Element {
            list[Int(random.next() % UInt64(list.count))]
        }
        event.kind = pick([.track, .pixel, .beacon, .click])
        // Three days, a few moments of which come again.
        event.time += Int64(random.next() % 800) * 324_000_017
        event.path = pick(["/track.js", "/a\"b", "/\\"])
        let texts = [
            "", "a", "caf%C3%A9", "%22%5C", "a+b%26c%0A", "%F0%9F%98%80%E2%80%A8", "xxxxxxxx",
        ]
        var pairs: [String] = []
        for name in ["u", "s", "ref", "utm_source", "t", "na%22me"] where random.next() % 3 == 0 {
            pairs.append("\(name)=\(pick(texts))")
        }
        if random.next() % 3 == 0 {
            pairs.append(
                "e=" + pick(["short", "identifier-of-20-bytes"]) + "\(random.next() % 300)")
        }
        event.query = pairs.joined(separator: "&")
        event.visitor = random.next() % 8 == 0 ? nil : random.next() % 200
        event.isNew = random.next() % 4 == 0
        event.userAgent = pick(["", "curl/8", "X Chrome/1 Safari/2", "\"Firefox/3\\", "MSIE 6"])
        event.referrer = pick(["", "https://a.example/?q=1,2", "https://b.example/\"x"])
        event.language = pick(["", "en", "de-DE,de;q=0.8", "fr;q=1", ",x"])
        event.host = pick(["", "h.example"])
        event.privacy = pick([nil, nil, nil, .globalPrivacyControl])
        event.bot = pick(["", "", "curl"])
        event.headers = pick(["", #"{"x":"}\",\"path\":\"y\"","z":"1"}"#])
        if event.kind == .beacon {
            event.data = pick([#"{"visitor":"no","a":[{"b":"]}"}]}"#, "{}"])
        }
        return event
    }

    private var madeVisitor: Visitor? {
        guard let visitor, privacy == nil else { return nil }
        return isNew
            ? Visitor(random: (visitor, visitor))
            : Visitor(known: .version4(random: (visitor, visitor)))
    }
}
