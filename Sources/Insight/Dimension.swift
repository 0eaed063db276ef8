internal import Tracking

/// What hits can be grouped by, and held against a filter.
public struct Dimension: Hashable, Sendable {
    enum Source: Hashable {
        /// A key of the event.
        case key(Key)
        /// A parameter: a key of `params`.
        case parameter(String)
        /// The page that the hit is about: the parameter `u`, else the referrer.
        case page
        /// Where the visitor came from.
        case referrer
        /// The first language that the browser asks for.
        case language
        /// The family of the browser.
        case browser
        /// So many characters of the time.
        case time(Int)
    }

    /// As it is written on the command line.
    public let name: String
    let source: Source

    /// The names, but for those of parameters.
    public static let names = named.map(\.name)

    private static let named: [(name: String, source: Source)] = [
        ("search", .parameter("s")), ("page", .page), ("referrer", .referrer),
        ("host", .key(.host)),
        ("language", .language), ("visitor", .key(.visitor)), ("bot", .key(.bot)),
        ("path", .key(.path)), ("kind", .key(.kind)), ("privacy", .key(.privacy)),
        ("browser", .browser), ("user_agent", .key(.userAgent)), ("method", .key(.method)),
        ("query", .key(.query)), ("ip", .key(.address)), ("origin", .key(.origin)),
        ("new_visitor", .key(.newVisitor)), ("minute", .time(16)), ("hour", .time(13)),
        ("day", .time(10)), ("month", .time(7)),
    ]
    private static let parameterPrefix = "params."

    /// The dimension of that name, such as `page` or `params.utm_source`.
    public init(_ name: String) throws(ReportError) {
        self.name = name
        if let known = Self.named.first(where: { $0.name == name }) {
            source = known.source
        } else if name.hasPrefix(Self.parameterPrefix), name != Self.parameterPrefix {
            source = .parameter(String(name.dropFirst(Self.parameterPrefix.count)))
        } else {
            throw ReportError(
                description: "'\(name)': expected \(Self.names.joined(separator: ", ")) or "
                    + "params.NAME")
        }
    }

    /// Whether its values are times, which follow on one another.
    var isTime: Bool { if case .time = source { true } else { false } }

    /// The last key of an event that it looks at, in the order in which they are written.
    var lastKey: Key {
        switch source {
        case .key(let key): key
        case .parameter: .params
        case .page, .referrer: .referrer
        case .language: .language
        case .browser: .userAgent
        case .time: .time
        }
    }

    /// The parameters that it looks at.
    var parameters: [String] {
        switch source {
        case .parameter(let name): [name]
        case .page: ["u"]
        case .referrer: ["u", "ref"]
        case .key, .language, .browser, .time: []
        }
    }
}

/// Why a report cannot be made: one line for an operator.
public struct ReportError: Error, Equatable, CustomStringConvertible {
    /// What was expected, or what failed.
    public let description: String
}

/// Text as it stands in an event, without quotes.
func escaped(_ text: String) -> [UInt8] {
    Array(JSONText.string(text).utf8.dropFirst().dropLast())
}
