internal import Forwarding
#if Kafka
    internal import KafkaForwarding
#endif
internal import POSIX

/// Holds a log and its checkpoint against the topic in Kafka that events are sent to, as
/// `footfall audit --kafka` does.
public struct TopicReport {
    /// Whether every delivered event is there as the log has it, and nothing else in its place.
    public let isClean: Bool

    /// Reads the log in `directory`, then the topic that `configuration` names; what was found is
    /// given to `line`.
    public init(
        directory: String, _ configuration: Configuration, line: (String) -> Void
    ) throws(InspectionError) {
        try InspectionError.requireLog(in: directory)
        #if Kafka
            guard !configuration.kafka.brokers.isEmpty else {
                throw InspectionError(
                    description: "--kafka needs kafka_brokers: where to read from")
            }
            let found: TopicAudit.Summary
            do {
                guard
                    var audit = try TopicAudit(
                        sink: SinkName.kafka.rawValue, directory: directory)
                else {
                    throw InspectionError(description: "the sink kafka has no checkpoint")
                }
                // After the log: what was delivered by then is there.
                let reader = try KafkaReader(KafkaOptions(configuration.kafka))
                try reader.read { audit.take($0) }
                found = try audit.finish()
            } catch {
                throw InspectionError(description: "\(error)")
            }
            let topic = "topic \(configuration.kafka.topic)"
            for (partition, offset) in found.beginnings.sorted(by: { $0.key < $1.key })
            where offset > 0 {
                line(
                    "note: partition \(partition) begins at offset \(offset); Kafka has deleted what "
                        + "was there before")
            }
            for problem in found.problems { line("\(topic): \(problem)") }
            line(
                "\(topic): \(found.found) of \(found.due) delivered events that the log has are there"
            )
            line(
                "\(topic): \(found.records) records = \(found.events) events + \(found.again) again + "
                    + "\(found.replayed) replayed + \(found.elsewhere) not in the log"
                    + (found.wrong > 0 ? " + \(found.wrong) wrong" : ""))
            isClean = found.isClean
        #else
            throw InspectionError(description: "--kafka: this footfall was built without Kafka")
        #endif
    }
}
