internal import ArgumentParser

/// The flags for what becomes of stored events.
struct ForwardingFlags: ParsableArguments {
    @Option(
        name: .long, parsing: .singleValue,
        help: """
            Where stored events are sent: 'stdout', as NDJSON, for Vector, Fluent Bit or \
            clickhouse-client. [none]
            """)
    var forward: [String] = []

    @Option(
        help: """
            The age from which a sealed segment is deleted, if every 'forward' has it, or 'off'. \
            [off]
            """)
    var retainAge: String?

    @Option(
        help: """
            Bytes of all segments beyond which the oldest are deleted, if every 'forward' has them, \
            or 'off'. [off]
            """)
    var retainBytes: String?

    @Option(
        help: """
            What happens when the disk is almost full: 'refuse' hits with 503, or 'drop_oldest': \
            delete the oldest segments, even if they were not forwarded. [refuse]
            """)
    var whenFull: String?

    /// The values that were given, by the key of their setting.
    var given: [String: [String]] {
        var values = [
            "retain_age": retainAge, "retain_bytes": retainBytes, "when_full": whenFull,
        ].compactMapValues { $0.map { [$0] } }
        if !forward.isEmpty { values["forward"] = forward }
        return values
    }
}
