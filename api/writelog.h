/* Appends to sluice.writes.
 *
 * Every record carries this process's random instance and a number that
 * ascends per partition in log order, so that a duplicate of an ambiguous
 * retry can be told. Any thread may append; the answer comes on the loop that
 * asked.
 */
#pragma once

#include "common/kafka.h"
#include "common/loop.h"
#include "common/producer.h"
#include "common/record.h"

#include <stdint.h>

struct writelog;
struct append;

typedef void (*append_done)(void *arg, const struct delivery *d);

struct writelog_options {
	struct loop *loop; /* serves the producer */
	const struct kafka_config *kafka;
	const char *topic;
	int32_t partitions;
};

struct append_request {
	struct loop *loop; /* where `done` is called */
	int32_t partition;
	enum record_op op;
	const char *id;
	size_t id_len;
	const char *body;
	size_t body_len;
	const char *traceparent; /* may be NULL */
	append_done done;
	void *arg;
};

struct err writelog_new(
    const struct writelog_options *o, struct writelog **out);
/* Copies what it needs. On OK `done` is called exactly once, later, unless the
 * append is abandoned first. RETRY: the local queue is full. */
struct err writelog_append(
    struct writelog *w, const struct append_request *r, struct append **out);
/* From the loop that asked: `done` is not called any more. The write may still
 * happen. */
void writelog_abandon(struct append *a);
bool writelog_up(const struct writelog *w);
size_t writelog_outstanding(struct writelog *w);
/* Waits at most `timeout` for what is in flight; reports go to the loops. */
void writelog_free(struct writelog **w, dur_us_t timeout);
