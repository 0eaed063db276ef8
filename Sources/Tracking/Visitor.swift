/// Whom a hit comes from, as far as a cookie tells.
public struct Visitor: Equatable, Sendable {
    /// The identifier that the visitor's cookie carries from now on.
    public let id: UUID
    /// Whether the visitor came without a usable identifier and was given this one.
    public let isNew: Bool

    /// A visitor who is known by that identifier.
    public init(known id: UUID) {
        self.id = id
        isNew = false
    }

    /// A visitor who comes without an identifier, and gets one of random bits.
    public init(random: (UInt64, UInt64)) {
        id = .version4(random: random)
        isNew = true
    }
}
