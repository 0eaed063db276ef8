internal import Tracking

/// Reads the value of a dimension out of an event that a scanner has looked at.
struct DimensionReader {
    private enum Place {
        case key(Key)
        case parameter(Int)
        case page(u: Int)
        case referrer(u: Int, ref: Int)
        case language
        case browser
        case time(Int)
    }

    private let place: Place

    /// Reads `dimension` from a scanner that finds the parameters `names`.
    init(_ dimension: Dimension, parameters names: [String]) {
        func index(_ name: String) -> Int {
            guard let index = names.firstIndex(of: name) else {
                preconditionFailure("the scanner finds the parameters of every dimension")
            }
            return index
        }
        place =
            switch dimension.source {
            case .key(let key): .key(key)
            case .parameter(let name): .parameter(index(name))
            case .page: .page(u: index("u"))
            case .referrer: .referrer(u: index("u"), ref: index("ref"))
            case .language: .language
            case .browser: .browser
            case .time(let count): .time(count)
            }
    }

    /// The value, escaped as in the event; nil if there is none. It lies in the line or in memory
    /// that is never freed.
    func value(
        _ event: borrowing EventScanner, _ line: UnsafeRawBufferPointer,
        _ families: inout BrowserFamilies
    ) -> UnsafeRawBufferPointer? {
        switch place {
        case .key(let key): Self.present(event[key], line)
        case .parameter(let index): Self.present(event.parameter(index), line)
        case .page(let u):
            Self.present(event.parameter(u), line) ?? Self.present(event[.referrer], line)
        case .referrer(let u, let ref):
            // A page that names itself names its referrer too, and the header is that page. A
            // click names where it leads, and the header is where it was.
            Self.present(event.parameter(ref), line)
                ?? (event.parameter(u).isPresent && !Self.isClick(event, line)
                    ? nil : Self.present(event[.referrer], line))
        case .language:
            Self.present(event[.language], line).map { text in
                UnsafeRawBufferPointer(
                    rebasing: text.prefix { $0 != UInt8(ascii: ",") && $0 != UInt8(ascii: ";") })
            }
        case .browser: Self.present(event[.userAgent], line).map { families.family(of: $0) }
        case .time(let count):
            Self.present(event[.time], line).map {
                UnsafeRawBufferPointer(rebasing: $0.prefix(count))
            }
        }
    }

    private static func isClick(
        _ event: borrowing EventScanner, _ line: UnsafeRawBufferPointer
    ) -> Bool {
        present(event[.kind], line)?.first == UInt8(ascii: "c")
    }

    @inline(__always)
    private static func present(
        _ value: EventScanner.Value, _ line: UnsafeRawBufferPointer
    ) -> UnsafeRawBufferPointer? {
        value.isPresent ? value.bytes(in: line) : nil
    }
}

/// The families of user agents, each looked for once as long as it is remembered.
struct BrowserFamilies {
    /// User agents that are remembered, by their hashes.
    private static let remembered = 1 << 12

    private var known = [(hash: UInt64, family: UnsafeRawBufferPointer)](
        repeating: (0, UnsafeRawBufferPointer(start: nil, count: 0)), count: remembered)

    /// The family that a user agent names. That of an anonymous event is one already.
    mutating func family(of userAgent: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        let hash = byteHash(userAgent) | 1
        let index = Int(truncatingIfNeeded: hash >> 1) & (Self.remembered - 1)
        if known[index].hash == hash { return known[index].family }
        let name =
            BrowserFamily.names.first { Self.bytes($0).elementsEqual(userAgent) }
            ?? BrowserFamily.name(of: userAgent.bindMemory(to: UInt8.self).span)
        known[index] = (hash, Self.bytes(name))
        return known[index].family
    }

    private static func bytes(_ name: StaticString) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)
    }
}
