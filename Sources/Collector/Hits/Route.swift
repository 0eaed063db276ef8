internal import EventHTTP

/// What a path of the public listener stands for.
enum Route: Equatable, Sendable {
    case pixel(Pixel)
    case beacon
    case click
    case buster
    case tag
    case optOut(OptOut.Choice)
    /// The statement of support for Global Privacy Control.
    case gpcStatement
    case favicon
    case robots
    case demo(DemoPage)
    /// A hit of a demo page, as the log has it.
    case demoHit
}

/// The paths of the public listener, compared byte by byte.
struct Router: Sendable {
    private var table: [(path: [UInt8], route: Route)] = []

    init(_ paths: PathOptions, servesDemo: Bool, redirectsClicks: Bool) {
        // The path of a hit comes first.
        add(paths.script, .pixel(.script))
        add(paths.image, .pixel(.image))
        add(paths.beacon, .beacon)
        if redirectsClicks { add(paths.click, .click) }
        add(paths.buster, .buster)
        add(paths.tag, .tag)
        add(paths.optOut, .optOut(.out))
        add(paths.optIn, .optOut(.back))
        add(["/.well-known/gpc.json"], .gpcStatement)
        add(["/favicon.ico"], .favicon)
        add(["/robots.txt"], .robots)
        if servesDemo {
            for page in DemoPage.allCases { add([page.path], .demo(page)) }
            add(["/"], .demo(.cachebuster))
            add([DemoHits.path], .demoHit)
        }
    }

    private mutating func add(_ paths: [String], _ route: Route) {
        for path in paths { table.append((Array(path.utf8), route)) }
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
