/* Questions about the log of writes: where its partitions end, and whether the
 * writers' group has a member.
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

struct writes_query_answer {
	bool known;
	bool member;
	const int64_t *ends; /* per partition; borrowed */
};

struct writes_query_options {
	struct loop *loop; /* where `done` is called */
	const struct kafka_config *kafka;
	const char *topic;
	const char *group; /* NULL: not asked for; `member` is false */
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
