/// The head of a request (RFC 9112, sections 2 and 3), as ranges of bytes that stay where they
/// were received.
///
/// It cannot outlive the call of the handler that it is given to.
public struct RequestHead: ~Copyable, ~Escapable {
    /// The header fields that Footfall looks at by name.
    public enum KnownField: Int, CaseIterable, Sendable {
        case host, userAgent, referrer, cookie, acceptLanguage, origin
        case contentType, contentEncoding, globalPrivacyControl, doNotTrack
        /// Any of those by which browsers say that nobody has asked for a page yet: `Sec-Purpose`,
        /// `Purpose`, `X-Purpose`, `X-Moz`.
        case purpose
    }

    /// A header field: where its name and its value are.
    struct Field {
        var name: ByteRange
        var value: ByteRange
    }

    private let bytes: Span<UInt8>
    private let fields: Span<Field>
    private let parts: Parts
    /// The address of the peer in text; empty for a unix socket. If the peer began the connection
    /// with a PROXY header, it is the address of the client in that.
    public let peer: Span<UInt8>
    /// Whether a PROXY header says that the client spoke TLS.
    public let isSecure: Bool

    /// The request method.
    public var method: HTTPMethod { parts.method }
    /// The minor version of HTTP/1.
    public var minorVersion: Int { parts.minorVersion }
    /// How many header fields there are.
    public var fieldCount: Int { fields.count }

    /// What is found in the bytes, apart from the list of fields.
    struct Parts {
        var method = HTTPMethod.other
        var minorVersion = 1
        var target = ByteRange()
        var path = ByteRange()
        var query = ByteRange()
        var known = InlineArray<11, ByteRange>(repeating: ByteRange())

        subscript(field: KnownField) -> ByteRange {
            get { known[field.rawValue] }
            set { known[field.rawValue] = newValue }
        }
    }

    @_lifetime(copy bytes, copy fields, copy peer)
    init(
        bytes: Span<UInt8>, fields: Span<Field>, peer: Span<UInt8>, isSecure: Bool = false,
        parts: Parts
    ) {
        self.peer = peer
        self.isSecure = isSecure
        self.bytes = bytes
        self.fields = fields
        self.parts = parts
    }

    /// The request target as it was sent.
    public var target: Span<UInt8> {
        @_lifetime(copy self) get { bytes.extracting(parts.target.range) }
    }

    /// The path of the target, still percent-encoded: routes are compared byte by byte.
    public var path: Span<UInt8> {
        @_lifetime(copy self) get { bytes.extracting(parts.path.range) }
    }

    /// The query of the target without its `?`, exactly as sent; empty if there is none.
    public var query: Span<UInt8> {
        @_lifetime(copy self) get { bytes.extracting(parts.query.range) }
    }

    /// The value of a header field that occurs, without the white space around it; otherwise
    /// empty. Of a repeated field it is the first.
    public subscript(field: KnownField) -> Span<UInt8> {
        @_lifetime(copy self) get { bytes.extracting(parts[field].range) }
    }

    /// The name of the header field at `index`, as it was sent.
    @_lifetime(copy self)
    public func fieldName(at index: Int) -> Span<UInt8> {
        bytes.extracting(fields[index].name.range)
    }

    /// The value of the header field at `index`.
    @_lifetime(copy self)
    public func fieldValue(at index: Int) -> Span<UInt8> {
        bytes.extracting(fields[index].value.range)
    }
}

/// A range of bytes of a head, which is far shorter than 4 GiB.
struct ByteRange: Equatable {
    var start: UInt32 = 0
    var count: UInt32 = 0

    var range: Range<Int> { Int(start)..<Int(start + count) }
}

extension ByteRange {
    init(_ range: Range<Int>) {
        self.init(start: UInt32(range.lowerBound), count: UInt32(range.count))
    }
}

extension RequestHead.KnownField {
    /// The field of that name, compared without regard to case (RFC 9110, section 5.1).
    init?(name: Span<UInt8>) {
        switch name.count {
        case 3 where name.equalsIgnoringCase("dnt"): self = .doNotTrack
        case 4 where name.equalsIgnoringCase("host"): self = .host
        case 5 where name.equalsIgnoringCase("x-moz"): self = .purpose
        case 6 where name.equalsIgnoringCase("cookie"): self = .cookie
        case 6 where name.equalsIgnoringCase("origin"): self = .origin
        case 7 where name.equalsIgnoringCase("referer"): self = .referrer
        case 7 where name.equalsIgnoringCase("sec-gpc"): self = .globalPrivacyControl
        case 7 where name.equalsIgnoringCase("purpose"): self = .purpose
        case 9 where name.equalsIgnoringCase("x-purpose"): self = .purpose
        case 10 where name.equalsIgnoringCase("user-agent"): self = .userAgent
        case 11 where name.equalsIgnoringCase("sec-purpose"): self = .purpose
        case 12 where name.equalsIgnoringCase("content-type"): self = .contentType
        case 15 where name.equalsIgnoringCase("accept-language"): self = .acceptLanguage
        case 16 where name.equalsIgnoringCase("content-encoding"): self = .contentEncoding
        default: return nil
        }
    }
}

extension Span<UInt8> {
    /// Whether these bytes, of which none is a control character but tab, are `lowercase` but for
    /// the case of ASCII letters. The counts are equal.
    func equalsIgnoringCase(_ lowercase: StaticString) -> Bool {
        precondition(count == lowercase.utf8CodeUnitCount, "compare the counts first")
        let expected = UnsafeRawPointer(lowercase.utf8Start)
        return withUnsafeBytes { bytes in
            func differ<Word: FixedWidthInteger>(at place: Int, _ bits: Word) -> Bool {
                // Letters, digits and hyphens have this bit; an upper-case letter lacks only it.
                bytes.loadUnaligned(fromByteOffset: place, as: Word.self) | bits
                    != expected.loadUnaligned(fromByteOffset: place, as: Word.self)
            }
            let count = bytes.count
            if count < 4 {
                for place in 0..<count where differ(at: place, UInt8(0x20)) { return false }
                return true
            }
            if count < 8 {
                return !differ(at: 0, UInt32(0x2020_2020))
                    && !differ(at: count - 4, UInt32(0x2020_2020))
            }
            var place = 0
            while place + 8 < count {
                if differ(at: place, 0x2020_2020_2020_2020 as UInt64) { return false }
                place += 8
            }
            return !differ(at: count - 8, 0x2020_2020_2020_2020 as UInt64)
        }
    }
}
