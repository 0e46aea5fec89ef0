/* Questions about the log of writes: where its partitions end, and how many
 * members the groups of its readers have.
 *
 * They block, so they are asked on a thread of their own. librdkafka waits for
 * the answer to a question that was sent until the broker is back, however long
 * that takes. So the thread may be abandoned.
 */
#pragma once

#include "common/base/err.h"
#include "common/base/loop.h"
#include "common/kafka/kafka.h"

#include <stdbool.h>
#include <stdint.h>

struct writes_query;

enum { WRITES_QUERY_GROUPS = 2 };

struct writes_query_answer {
	bool known; /* the ends */
	/* By the order of the groups; -1: not asked for, or not known. */
	int members[WRITES_QUERY_GROUPS];
	const int64_t *ends; /* per partition; borrowed */
};

struct writes_query_options {
	struct loop *loop; /* where `done` is called */
	const struct kafka_config *kafka;
	const char *topic;
	/* Consumer groups; NULL: not asked for. */
	const char *groups[WRITES_QUERY_GROUPS];
	int32_t partitions;
	void (*done)(void *arg, const struct writes_query_answer *answer);
	void *arg;
};

struct err writes_query_new(
    const struct writes_query_options *o, struct writes_query **out);
/* False: the last question still waits for its answer. */
bool writes_query_ask(struct writes_query *a);
/* Does not wait for an answer; `done` is not called any more. */
void writes_query_free(struct writes_query **a);
