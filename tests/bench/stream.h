/* The producer of tests/bench/write, and records of sluice.writes in the form
 * that the API gives them (common/log/record.h). */
#pragma once

#include "content.h"

#include <librdkafka/rdkafka.h>
#include <stdbool.h>

/* Gets the `opaque` of each delivered message, in the call of rd_kafka_poll. */
typedef void (*stream_delivered)(void *opaque);
/* An idempotent producer, the only one of the program; `linger_ms` as
 * librdkafka's linger.ms; `delivered` may be NULL. */
rd_kafka_t *stream_producer(
    const char *servers, const char *linger_ms, stream_delivered delivered);
/* Waits until all is delivered; ends the program if anything was not. */
void stream_finish(rd_kafka_t *rk);
/* Makes the topic if it is not there. */
void stream_topic(rd_kafka_t *rk, const char *topic, int partitions);
/* How many partitions it has. */
int32_t stream_partitions(rd_kafka_t *rk, const char *topic);

/* Takes the headers; waits while the local queue is full. */
void stream_send(rd_kafka_t *rk, const char *topic, int32_t partition,
    const char *key, size_t key_len, const char *value, size_t value_len,
    rd_kafka_headers_t *headers);

/* One process that accepts writes: its sequence per partition. */
struct stream_writes {
	rd_kafka_t *rk;
	const char *topic;
	int32_t partitions;
	char instance[17];
	uint64_t *seq;
};

struct stream_writes stream_writes_new(rd_kafka_t *rk, const char *topic);
/* A put of `row`, accepted at `at`. */
void stream_put(
    struct stream_writes *w, const struct content_row *row, wall_us_t at);
void stream_writes_free(struct stream_writes *w);

__attribute__((noreturn, format(printf, 1, 2))) void stream_die(
    const char *form, ...);
