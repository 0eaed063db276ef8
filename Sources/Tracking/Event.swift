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
    /// Whom it came from; nil if nobody is to know, or has agreed to be known.
    public let visitor: Visitor?
    /// The request it came by.
    public let request: Request
    /// How much of the address is kept.
    public let addressDetail: AddressDetail
    /// The signal for which it is made anonymous: the user agent becomes a family, and of the
    /// address there is no more than the network. Nil for any other event.
    public let privacy: PrivacySignal?
    /// Why it is taken for a program's; empty if it is not.
    public let bot: Span<UInt8>
    /// Header fields that the operator wants to have: a JSON object; empty if there are none.
    public let headers: Span<UInt8>

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

    /// What stands in front of the identifier.
    static let idKey: StaticString = #"{"v":1,"id":""#
    /// Parameters that are decoded into `params`; the rest is in `query` only.
    public static let paramsMax = FormURLEncoded.pairsMax

    /// An event.
    @_lifetime(copy request, copy bot, copy headers)
    public init(
        kind: Kind, id: UUID, time: Timestamp, visitor: Visitor?, request: consuming Request,
        addressDetail: AddressDetail = .network, privacy: PrivacySignal? = nil,
        bot: Span<UInt8> = Span(), headers: Span<UInt8> = Span()
    ) {
        self.kind = kind
        self.id = id
        self.time = time
        self.visitor = visitor
        self.request = request
        self.addressDetail = addressDetail
        self.privacy = privacy
        self.bot = bot
        self.headers = headers
    }

    /// A length in bytes that the encoded event does not exceed.
    public var encodedBytesMax: Int {
        let texts =
            request.path.count + request.address.count + request.userAgent.count
            + request.referrer.count + request.language.count + request.host.count
            + request.origin.count + bot.count
        // The query is there twice, as sent and decoded, and a pair of two bytes, `a&`, becomes
        // `"a":"",`.
        return 512 + JSONWriter.expansionMax * (texts + 2 * request.query.count)
            + 3 * request.query.count + headers.count
    }

    /// Appends the event as a JSON object without its closing brace, which is the log's: it adds
    /// the sequence and the checksum. `output` has room for `encodedBytesMax`.
    ///
    /// A parameter whose name is an alias has its proper name in `params`.
    public func encode(
        into output: inout OutputSpan<UInt8>, aliases: borrowing ParameterAliases
    ) {
        precondition(output.freeCapacity >= encodedBytesMax, "the caller reserved too little")
        unsafe output.withUnsafeMutableBufferPointer { buffer, count in
            var writer = unsafe JSONWriter(
                UnsafeMutableBufferPointer(rebasing: buffer[count...]))
            encode(into: &writer, aliases)
            count += writer.count
        }
    }

    private func encode(into json: inout JSONWriter, _ aliases: borrowing ParameterAliases) {
        json.raw(Self.idKey)
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
            if !json.object(ofForm: request.query, aliases) { json.rewind(to: before) }
        }
        if let visitor {
            json.raw(#","visitor":""#)
            json.raw(visitor.id.text.span)
            json.raw(visitor.isNew ? #"","new_visitor":true"# : #"","new_visitor":false"#)
        }
        encodeAddress(into: &json)
        encodeUserAgent(into: &json)
        json.member(#","referrer":""#, request.referrer)
        json.member(#","language":""#, request.language)
        json.member(#","host":""#, request.host)
        json.member(#","origin":""#, request.origin)
        json.member(#","bot":""#, bot)
        if let privacy {
            json.raw(#","privacy":""#)
            json.raw(privacy.name)
            json.raw("\"")
        }
        if headers.count > 0 {
            json.raw(#","headers":"#)
            json.raw(headers)
        }
    }

    private func encodeAddress(into json: inout JSONWriter) {
        switch addressDetail {
        case .none: break
        case .full where privacy == nil: json.member(#","ip":""#, request.address)
        case .full, .network:
            guard let address = IPAddress(text: request.address) else { return }
            json.raw(#","ip":""#)
            json.network(of: address)
            json.raw("\"")
        }
    }

    private func encodeUserAgent(into json: inout JSONWriter) {
        if privacy == nil { return json.member(#","user_agent":""#, request.userAgent) }
        if request.userAgent.count == 0 { return }
        json.raw(#","user_agent":""#)
        json.raw(BrowserFamily.name(of: request.userAgent))
        json.raw("\"")
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
