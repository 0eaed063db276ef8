internal import Tracking

/// What a page loads to make a hit.
enum Pixel: Sendable {
    /// `/track.js`: an empty script.
    case script
    /// `/track.gif`: a transparent image of one pixel.
    case image

    var kind: Event.Kind { self == .script ? .track : .pixel }
    var reply: HitReply { self == .script ? .script : .image }
}
