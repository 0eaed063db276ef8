// The client of Apache Kafka.
#include <librdkafka/rdkafka.h>
// A cluster within the process, for tests.
#include <librdkafka/rdkafka_mock.h>

// rd_kafka_producev is variadic, which Swift's importer cannot see. The value and the key are copied;
// there is no key if it has no bytes, and no header without an identifier.
static inline rd_kafka_resp_err_t footfall_rdkafka_produce(
    rd_kafka_t *client, rd_kafka_topic_t *topic, const void *value, size_t valueBytes,
    const void *key, size_t keyBytes, const void *id, size_t idBytes, int isReplayed, void *opaque) {
    rd_kafka_headers_t *headers = rd_kafka_headers_new(2);
    if (idBytes > 0) rd_kafka_header_add(headers, "id", 2, id, (ssize_t)idBytes);
    if (isReplayed) rd_kafka_header_add(headers, "replayed", 8, "true", 4);
    rd_kafka_resp_err_t error = rd_kafka_producev(
        client, RD_KAFKA_V_RKT(topic), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
        RD_KAFKA_V_VALUE((void *)value, valueBytes),
        RD_KAFKA_V_KEY(keyBytes > 0 ? key : NULL, keyBytes), RD_KAFKA_V_HEADERS(headers),
        RD_KAFKA_V_OPAQUE(opaque), RD_KAFKA_V_END);
    // They are the library's only if it has taken the message.
    if (error) rd_kafka_headers_destroy(headers);
    return error;
}
