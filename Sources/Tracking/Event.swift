/// One recorded thing that happened: a hit, version 1 of the format.
///
/// It points into the request that it was made from and cannot outlive it. Fields that are empty
/// are absent from the JSON.
public struct Event: ~Copyable, ~Escapable {
    /// What kind of request it came by.
    public enum Kind: Sendable {
        /// The script pixel.
        case track
        /// The image.
        case pixel
        /// A request with content.
        case beacon
        /// A link that leads on to another page.
        case click

        var json: StaticString {
            switch self {
            case .track: "track"
            case .pixel: "pixel"
            case .beacon: "beacon"
            case .click: "click"
            }
        }
    }

    /// What kind of request it came by.
    public let kind: Kind
    /// Its identifier, a UUIDv7.
    public let id: UUID
    /// When it was received.
    public let time: Timestamp
    /// Whom it came from.
    public let visitor: Visitor
    /// The request it came by.
    public let request: Request
    /// What a beacon says: a JSON object; empty for anything else.
    public let data: Span<UInt8>

    /// What a request says, as it was sent.
    public struct Request: ~Copyable, ~Escapable {
        let method: StaticString
        let path: Span<UInt8>
        let query: Span<UInt8>
        let address: Span<UInt8>
        let userAgent: Span<UInt8>
        let referrer: Span<UInt8>
        let language: Span<UInt8>
        let host: Span<UInt8>
        let origin: Span<UInt8>

        /// A request. `address` is the client's, in text; `language` is `Accept-Language`.
        @_lifetime(
            copy path, copy query, copy address, copy userAgent, copy referrer, copy language,
            copy host, copy origin)
        public init(
            method: StaticString, path: Span<UInt8>, query: Span<UInt8>, address: Span<UInt8>,
            userAgent: Span<UInt8>, referrer: Span<UInt8>, language: Span<UInt8>,
            host: Span<UInt8>, origin: Span<UInt8>
        ) {
            self.method = method
            self.path = path
            self.query = query
            self.address = address
            self.userAgent = userAgent
            self.referrer = referrer
            self.language = language
            self.host = host
            self.origin = origin
        }
    }

    /// Parameters that are decoded into `params`; the rest is in `query` only.
    public static let paramsMax = FormURLEncoded.pairsMax

    /// An event. `data` is one JSON object as `BeaconContent` has found it, or empty.
    @_lifetime(copy request, copy data)
    public init(
        kind: Kind, id: UUID, time: Timestamp, visitor: Visitor, request: consuming Request,
        data: Span<UInt8> = Span()
    ) {
        self.kind = kind
        self.id = id
        self.time = time
        self.visitor = visitor
        self.request = request
        self.data = data
    }

    /// A length in bytes that the encoded event does not exceed.
    public var encodedBytesMax: Int {
        let texts =
            request.path.count + request.address.count + request.userAgent.count
            + request.referrer.count + request.language.count + request.host.count
            + request.origin.count
        // The query is there twice, as sent and decoded, and a pair of two bytes, `a&`, becomes
        // `"a":"",`.
        return 512 + JSONWriter.expansionMax * (texts + 2 * request.query.count)
            + 3 * request.query.count + data.count
    }

    /// Appends the event as a JSON object without its closing brace, which is the log's: it adds
    /// the sequence and the checksum. `output` has room for `encodedBytesMax`.
    public func encode(into output: inout OutputSpan<UInt8>) {
        precondition(output.freeCapacity >= encodedBytesMax, "the caller reserved too little")
        unsafe output.withUnsafeMutableBufferPointer { buffer, count in
            var writer = unsafe JSONWriter(
                UnsafeMutableBufferPointer(rebasing: buffer[count...]))
            encode(into: &writer)
            count += writer.count
        }
    }

    private func encode(into json: inout JSONWriter) {
        json.raw(#"{"v":1,"id":""#)
        json.raw(id.text.span)
        json.raw(#"","time":""#)
        json.raw(time.text.span)
        json.raw(#"","kind":""#)
        json.raw(kind.json)
        json.raw(#"","method":""#)
        json.raw(request.method)
        json.raw("\"")
        json.member(#","path":""#, request.path)
        json.member(#","query":""#, request.query)
        if request.query.count > 0 {
            let before = json.count
            json.raw(#","params":"#)
            if !json.object(ofForm: request.query) { json.rewind(to: before) }
        }
        json.raw(#","visitor":""#)
        json.raw(visitor.id.text.span)
        json.raw(visitor.isNew ? #"","new_visitor":true"# : #"","new_visitor":false"#)
        json.member(#","ip":""#, request.address)
        json.member(#","user_agent":""#, request.userAgent)
        json.member(#","referrer":""#, request.referrer)
        json.member(#","language":""#, request.language)
        json.member(#","host":""#, request.host)
        json.member(#","origin":""#, request.origin)
        if data.count > 0 {
            json.raw(#","data":"#)
            json.onOneLine(data)
        }
    }
}

extension JSONWriter {
    /// Appends `key`, which ends in an opening quote, the text and a closing quote; nothing at all
    /// if the text is empty.
    @_lifetime(self: copy self)
    fileprivate mutating func member(_ key: StaticString, _ text: Span<UInt8>) {
        if text.count == 0 { return }
        raw(key)
        escaped(text)
        raw("\"")
    }
}
