internal import EventHTTP

/// What a path of the public listener stands for.
enum Route: Equatable, Sendable {
    case pixel(Pixel)
    case beacon
    case click
    case buster
    case favicon
    case demo(DemoPage)
}

/// The paths of the public listener, compared byte by byte.
struct Router: Sendable {
    private var table: [(path: [UInt8], route: Route)] = []

    init(servesDemo: Bool, redirectsClicks: Bool) {
        // The path of a hit comes first.
        add("/track.js", .pixel(.script))
        add("/track.gif", .pixel(.image))
        add("/track", .beacon)
        if redirectsClicks { add("/click", .click) }
        add("/buster.js", .buster)
        add("/favicon.ico", .favicon)
        if servesDemo {
            for page in DemoPage.allCases { add("/demo/\(page.rawValue)", .demo(page)) }
            add("/", .demo(.cachebuster))
        }
    }

    private mutating func add(_ path: String, _ route: Route) {
        table.append((Array(path.utf8), route))
    }

    /// The route of `path`; nil if there is none.
    func route(_ path: Span<UInt8>) -> Route? {
        for (candidate, route) in table where candidate.count == path.count {
            var isEqual = true
            for index in candidate.indices where candidate[index] != path[index] {
                isEqual = false
                break
            }
            if isEqual { return route }
        }
        return nil
    }
}
