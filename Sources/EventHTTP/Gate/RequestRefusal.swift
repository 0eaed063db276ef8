/// Why a request is not taken. Each is counted by its name.
public enum RequestRefusal: String, CaseIterable, Error, Sendable {
    case requestLine, target, targetTooLong, version, method
    case field, foldedField, tooManyFields, headTooLarge, lineEnd
    case host, contentLength, contentTooLarge, transferEncoding, transferCoding
    case lengthRequired, unexpectedContent, expectation, chunk
    case headTimeout, bodyTimeout
    case proxyProtocol

    /// The status that says so (RFC 9110, section 15; RFC 6585 for 431).
    public var status: HTTPStatus {
        switch self {
        case .requestLine, .target, .field, .foldedField, .lineEnd, .host, .contentLength,
            .transferEncoding, .unexpectedContent, .chunk, .proxyProtocol:
            .badRequest
        case .targetTooLong: .uriTooLong
        case .tooManyFields, .headTooLarge: .requestHeaderFieldsTooLarge
        case .contentTooLarge: .contentTooLarge
        case .lengthRequired: .lengthRequired
        case .expectation: .expectationFailed
        case .transferCoding, .method: .notImplemented
        case .version: .httpVersionNotSupported
        case .headTimeout, .bodyTimeout: .requestTimeout
        }
    }
}
