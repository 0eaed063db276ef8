import EventHTTP

/// What is loaded: `http://HOST[:PORT][/PATH][?QUERY]`.
struct TargetURL: Equatable {
    let address: ListenAddress
    /// The value of the `Host` field.
    let host: String
    /// The request target: path and query.
    let target: String

    /// Reads a URL. The scheme may be left out.
    init(parsing text: String) throws(InvalidValue) {
        var rest = text[...]
        if let scheme = text.range(of: "://") {
            guard text[..<scheme.lowerBound].lowercased() == "http" else {
                throw InvalidValue(description: "'\(text)': expected http://HOST[:PORT]/PATH")
            }
            rest = text[scheme.upperBound...]
        }
        rest = rest.prefix { $0 != "#" }
        let authority = rest.prefix { $0 != "/" && $0 != "?" }
        let path = rest[authority.endIndex...]
        target = path.hasPrefix("/") ? String(path) : "/\(path)"
        guard Self.isSendable(target), !authority.contains("@"), Self.isSendable(authority) else {
            throw InvalidValue(
                description: "'\(text)': a URL has no user, no space and only ASCII")
        }
        host = String(authority)
        let hasPort = authority.hasSuffix("]") ? false : authority.contains(":")
        do throws(ListenAddress.ParseError) {
            address = try ListenAddress(parsing: hasPort ? host : "\(host):80")
        } catch {
            throw InvalidValue(description: "'\(text)': \(error)")
        }
        if case .tcp(_, 0) = address {
            throw InvalidValue(description: "'\(text)': a port is a number from 1 to 65535")
        }
    }

    /// A line of a file of URLs: a whole one, of which path and query are taken, or a path.
    static func target(ofLine line: String) throws(InvalidValue) -> String {
        guard !line.hasPrefix("/") else {
            guard isSendable(line) else {
                throw InvalidValue(description: "'\(line)': a path has no space and only ASCII")
            }
            return line
        }
        return try TargetURL(parsing: line).target
    }

    private static func isSendable(_ text: some StringProtocol) -> Bool {
        text.utf8.allSatisfy { (0x21...0x7e).contains($0) }
    }
}

extension String {
    /// The first place of `text`.
    fileprivate func range(of text: String) -> Range<String.Index>? {
        firstRange(of: text)
    }
}
