/* An idempotent Kafka producer (acks=all), driven by a loop.
 *
 * Any thread may send; delivery reports come on the loop's thread. If
 * librdkafka ends a producer for good (a fatal error: idempotence is broken), a
 * new one takes its place. The old one is polled until its last report has
 * come.
 */
#pragma once

#include "common/base/loop.h"
#include "common/kafka/kafka.h"

#include <stdint.h>

struct producer;

enum delivery_status {
	DELIVERY_OK,
	/* Certainly not in the log. */
	DELIVERY_FAILED,
	/* The message may be in the log, or may never get there. */
	DELIVERY_UNKNOWN,
};

struct delivery {
	void *opaque; /* of the send */
	int32_t partition;
	int64_t offset; /* -1: delivered, but the broker did not say where */
	enum delivery_status status;
	const char *code; /* Kafka's error name */
};

struct produce {
	const char *topic;
	int32_t partition;
	const void *key;
	size_t key_len;
	const void *value; /* NULL: a tombstone */
	size_t value_len;
	rd_kafka_headers_t *headers; /* may be NULL */
	void *opaque;
};

typedef void (*producer_delivered)(void *arg, const struct delivery *d);
/* The reports that had come are delivered: those since the last call belong
 * together. May be called when there were none. */
typedef void (*producer_polled)(void *arg);

enum { PRODUCER_INSTANCE_LEN = 16 };

/* Adds headers by which a reader finds the duplicate that a retry after an
 * unknown outcome may append. `instance` is random per producer; `seq` grows in
 * log order within an instance and a partition. May run on any thread. */
typedef void (*producer_number)(
    rd_kafka_headers_t *h, const char *instance, uint64_t seq);

struct producer_options {
	struct loop *loop;
	const struct kafka_config *kafka;
	producer_delivered delivered;
	void *arg;
	/* If `number` is to number every message: the number of partitions of
	 * the one topic that is sent to. 0: messages are not numbered. */
	int32_t numbered;
	producer_number number;
	producer_polled polled; /* may be NULL */
	/* Requests that may wait for a broker's answer, as text; NULL:
	 * librdkafka's default. With "1", messages gather behind the request
	 * that is under way. */
	const char *in_flight;
};

struct err producer_new(
    const struct producer_options *o, struct producer **out);
/* Copies key and value; takes the headers, on failure too. Every send that
 * returned OK gets exactly one report, shutdown included. RETRY: the local
 * queue is full, or the producer is being replaced. */
struct err producer_send(struct producer *p, const struct produce *m);
/* Names the topic that will be sent to. Its leaders are asked for now, not at
 * the first message; the producer is reachable only once they are known. */
void producer_expect(struct producer *p, const char *topic);
/* Messages without a report yet. */
size_t producer_outstanding(struct producer *p);
bool producer_reachable(const struct producer *p);
/* Waits at most `timeout` for reports; the messages without one are then
 * reported UNKNOWN. Blocks; the reports come during the call. */
void producer_free(struct producer **p, dur_us_t timeout);
