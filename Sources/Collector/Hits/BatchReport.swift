internal import EventHTTP

/// What became of the events of one request: how many were stored, and which were invalid.
///
/// A class, so that a hit that waits for its reply carries no more than a reference to it.
final class BatchReport {
    /// The reply that says so: 200 if any event is valid, otherwise 400.
    let response: Response

    private static let fields: [Response.Field] = [
        .init("Content-Type", "application/json"), .init("Cache-Control", "no-store"),
    ]
    private static let stored = Response(.ok, fields)
    private static let refused = Response(.badRequest, fields)

    /// A report of `stored` valid events, and of the invalid ones by their index, from 0.
    init(stored: Int, invalid: [(index: Int, reason: String)]) {
        // Reasons are our own words: they need no escaping.
        let items = invalid.map { #"{"index":\#($0.index),"reason":"\#($0.reason)"}"# }
        response = (stored > 0 ? Self.stored : Self.refused)
            .with(
                body: #"{"stored":\#(stored),"invalid":[\#(items.joined(separator: ","))]}"# + "\n")
    }
}
