/// Other names that a site gives to the parameters of its hits, so that lists of blocked addresses
/// do not know them.
public struct ParameterAliases: Equatable, Sendable {
    /// A name and the one that it stands for.
    public struct Pair: Equatable, Sendable {
        /// What is sent.
        public let alias: [UInt8]
        /// What it means.
        public let name: [UInt8]
    }

    /// All of them.
    public let pairs: [Pair]

    /// No name stands for another.
    public static let none = ParameterAliases([])

    /// Each alias stands for a name; of letters, digits, hyphens and underscores, which are the same
    /// in an address, in JSON and in a script.
    public init(_ pairs: [(alias: String, name: String)]) {
        self.pairs = pairs.map { Pair(alias: Array($0.alias.utf8), name: Array($0.name.utf8)) }
    }

    /// The name by which a script sends `name`: its first alias, or itself.
    public func sentName(of name: String) -> String {
        let bytes = Array(name.utf8)
        return pairs.first { $0.name == bytes }.map { String(decoding: $0.alias, as: UTF8.self) }
            ?? name
    }

    /// The decoded bytes of the first value of `name` or of one of its aliases in form-encoded
    /// text; nil if there is none.
    public func firstValue(of name: StaticString, in input: Span<UInt8>) -> [UInt8]? {
        let wanted = Array("\(name)".utf8)
        let names = [wanted] + pairs.filter { $0.name == wanted }.map(\.alias)
        return FormURLEncoded.firstValue(ofAny: names, in: input)
    }
}
