/// A reply that is the same for many requests: made once, sent often.
public struct Response: Sendable {
    /// A header field; the value has no CR, LF or NUL.
    public struct Field: Sendable {
        let name: StaticString
        let value: String

        /// A field of a response.
        public init(_ name: StaticString, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    /// The status.
    public let status: HTTPStatus
    /// The header fields, without Date, Content-Length and Connection: the server adds those.
    public let fields: [Field]
    /// The content. It is not sent to HEAD, nor with 204.
    public let body: [UInt8]

    /// The parts of the head as they are written.
    let statusLine: [UInt8]
    let fieldLines: [UInt8]
    let lengthLine: [UInt8]

    /// A response with `body` as UTF-8.
    public init(_ status: HTTPStatus, _ fields: [Field] = [], body: String = "") {
        self.init(status, fields, bytes: Array(body.utf8))
    }

    /// A response with `bytes` as its body.
    public init(_ status: HTTPStatus, _ fields: [Field] = [], bytes: [UInt8]) {
        self.init(
            status, fields, bytes,
            statusLine: Array("HTTP/1.1 \(status.rawValue) \(status.reason)\r\n".utf8),
            fieldLines: fields.flatMap { Array("\($0.name): \($0.value)\r\n".utf8) })
    }

    private init(
        _ status: HTTPStatus, _ fields: [Field], _ body: [UInt8], statusLine: [UInt8],
        fieldLines: [UInt8]
    ) {
        precondition(
            status.hasContent || body.isEmpty,
            "204 and 304 have no content (RFC 9110, sections 15.3.5 and 15.4.5)")
        self.status = status
        self.fields = fields
        self.body = body
        self.statusLine = statusLine
        self.fieldLines = fieldLines
        lengthLine =
            status.hasContent ? Array("Content-Length: \(body.count)\r\n".utf8) : []
    }

    /// The same with another body, as UTF-8: for one that is not the same for many requests.
    public func with(body: String) -> Response {
        Response(status, fields, Array(body.utf8), statusLine: statusLine, fieldLines: fieldLines)
    }

    /// A response that says its status in words.
    public static func plain(_ status: HTTPStatus, _ fields: [Field] = []) -> Response {
        Response(
            status, [Field("Content-Type", "text/plain; charset=utf-8")] + fields,
            body: "\(status.rawValue) \(status.reason)\n")
    }
}
