/* Reads one record of a topic, at an offset.
 *
 * It reads on a thread of its own, one record after the other. A reader that
 * nobody asks has a connection or none, and costs nothing else.
 */
#pragma once

#include "common/base/err.h"
#include "common/base/loop.h"
#include "common/kafka/kafka.h"

#include <stdint.h>

struct record_at;
struct record_question;

struct record_at_options {
	const struct kafka_config *kafka;
	const char *topic;
	dur_us_t timeout; /* of one record */
};

enum record_found {
	RECORD_FOUND,
	RECORD_GONE,	/* no record has this offset, now or any more */
	RECORD_NO_WORD, /* Kafka did not answer in time */
};

/* FATAL: librdkafka refuses a property. */
struct err record_at_new(
    const struct record_at_options *o, struct record_at **out);
/* Any thread. `done` is called once, on the loop, unless the question is
 * abandoned; it borrows the message, which is NULL unless FOUND. NULL: too many
 * questions wait. */
struct record_question *record_at_ask(struct record_at *r, struct loop *loop,
    int32_t partition, int64_t offset,
    void (*done)(
	void *arg, enum record_found found, const rd_kafka_message_t *m),
    void *arg);
/* On the loop of the question. Afterwards `done` is not called. *q may be NULL.
 */
void record_at_abandon(struct record_question **q);
/* Every question was answered or abandoned, or its loop is not run any more.
 * Waits for the record that is being read, at most for its timeout. */
void record_at_free(struct record_at **r);
