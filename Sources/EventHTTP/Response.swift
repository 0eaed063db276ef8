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

    /// A response with `body` as UTF-8.
    public init(_ status: HTTPStatus, _ fields: [Field] = [], body: String = "") {
        self.status = status
        self.fields = fields
        self.body = Array(body.utf8)
    }

    /// A response that says its status in words.
    public static func plain(_ status: HTTPStatus, _ fields: [Field] = []) -> Response {
        Response(
            status, [Field("Content-Type", "text/plain; charset=utf-8")] + fields,
            body: "\(status.rawValue) \(status.reason)\n")
    }
}
