internal import EventLog
internal import Forwarding
#if Kafka
    internal import KafkaForwarding
#endif
internal import POSIX

/// Sends stored events again, as `footfall replay` does. Checkpoints stay as they are.
public struct Replay {
    /// What was sent, in words.
    public private(set) var summary = ""
    /// Events that were asked for and are not there, in words; nil if all are.
    public private(set) var missing: String?

    /// Seconds of one wait for a sink.
    private static let waitSeconds = 1.0

    /// Sends the events of the log in `directory` from `first` on, and up to `last` or else to its
    /// end. Where Kafka is stands in `configuration`.
    public init(
        directory: String, from first: UInt64, through last: UInt64?, to name: SinkName,
        _ configuration: Configuration
    ) throws(InspectionError) {
        try InspectionError.requireLog(in: directory)
        switch name {
        case .stdout:
            var sink = StreamSink.standardOutput()
            try send(directory, from: first, through: last, to: &sink)
        case .kafka:
            #if Kafka
                guard !configuration.kafka.brokers.isEmpty else {
                    throw InspectionError(
                        description: "'kafka' needs kafka_brokers: where to send to")
                }
                var sink: KafkaSink
                do throws(KafkaSink.Refused) {
                    sink = try KafkaSink(KafkaOptions(configuration.kafka, isReplay: true))
                } catch {
                    throw InspectionError(description: error.description)
                }
                try send(directory, from: first, through: last, to: &sink)
            #else
                throw InspectionError(description: "this footfall was built without Kafka")
            #endif
        }
    }

    private mutating func send(
        _ directory: String, from first: UInt64, through last: UInt64?, to sink: inout some Sink
    ) throws(InspectionError) {
        var reader = LogReader(directory: directory, from: first)
        var (sent, outstanding, expected, absent) = (UInt64(0), 0, first, UInt64(0))
        var failure: String?
        func take(_ report: DeliveryReport) {
            outstanding -= 1
            switch report.outcome {
            case .delivered: sent += 1
            case .refused(let reason), .failed(let reason): failure = failure ?? reason
            }
        }
        do throws(SystemError) {
            try reader.readSome { sequence, line in
                if let last, sequence > last { return false }
                absent += sequence - expected
                expected = sequence + 1
                while failure == nil, sink.send(sequence, line) == .full {
                    sink.poll(seconds: Self.waitSeconds, take)
                }
                if failure == nil { outstanding += 1 }
                return failure == nil && sequence != last
            }
        } catch {
            failure = failure ?? error.description
        }
        while outstanding > 0, failure == nil { sink.poll(seconds: Self.waitSeconds, take) }
        if let failure {
            throw InspectionError(description: "\(failure); \(sent) events were sent")
        }
        if let last, expected <= last { absent += last + 1 - expected }
        if absent > 0 { missing = "\(absent) of the events are not in the log" }
        summary = "\(sent) event\(sent == 1 ? " was" : "s were") sent"
    }
}
