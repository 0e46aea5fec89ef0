/* Questions about the log of writes: where its partitions end, and whether the
 * writers' group has a member.
 *
 * They block, so they are asked on a thread of their own; and the thread may be
 * given up, because librdkafka waits for the answer to a question that was sent
 * until the broker is back, however long that takes.
 */
#pragma once

#include "common/base/err.h"
#include "common/base/loop.h"
#include "common/kafka/kafka.h"

#include <stdbool.h>
#include <stdint.h>

struct logask;

struct logask_answer {
	bool known;
	bool member;
	const int64_t *ends; /* per partition; borrowed */
};

struct logask_options {
	struct loop *loop; /* where `done` is called */
	const struct kafka_config *kafka;
	const char *topic;
	const char *group; /* NULL: that is not asked, `member` is false */
	int32_t partitions;
	void (*done)(void *arg, const struct logask_answer *answer);
	void *arg;
};

struct err logask_new(const struct logask_options *o, struct logask **out);
/* False: the last question still waits for its answer. */
bool logask_ask(struct logask *a);
/* Does not wait; `done` is not called any more. */
void logask_free(struct logask **a);
