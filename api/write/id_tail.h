/* Reads sluice.ids from its beginning, and appends to it.
 *
 * It has a producer of its own, so that a missing topic does not hold up the
 * producer of the writes.
 *
 * On the main loop. The topic has one partition, assigned by hand. After any
 * fault it is read anew, because it may have been made again. What was read
 * before still counts (api/write/id_log.h).
 */
#pragma once

#include "api/core/metrics.h"
#include "api/write/id_log.h"

#include "common/base/loop.h"
#include "common/kafka/kafka.h"
#include "common/schema/collection.h"

struct id_tail;

struct id_tail_options {
	struct loop *loop;
	const struct kafka_config *kafka;
	const char *topic;
	struct id_log *log;
	struct api_metrics *metrics; /* the loop's */
	/* The ids of a claim belong to this instance. */
	void (*mine)(
	    void *arg, const struct collection *c, struct id_range ids);
	/* The last open claim of the collection has ended; `mine` was called
	 * for the ids that it brought, if any. `late`: it ended because its
	 * record was not read back in time, which is a fault.
	 */
	void (*ended)(void *arg, const struct collection *c, bool late);
	void *arg;
};

/* On the main loop. *out is owned, or NULL with an error that an operator must
 * correct. */
struct err id_tail_new(const struct id_tail_options *o, struct id_tail **out);
/* Any thread: the topic was read to its end, and Kafka can be reached. */
bool id_tail_ready(const struct id_tail *t);
/* Any thread: claims `n` ranges; record_ids_fit must hold for each. All open
 * claims of a collection end together. False: nothing was claimed, and `ended`
 * is not called for it. */
bool id_tail_claim(struct id_tail *t, const struct collection *c,
    const struct id_range *ranges, size_t n);
/* Reads the topic anew, because there are new collections: until now their
 * records were passed over. Nothing is claimed until its end is read. If it
 * cannot be read, ids.unread says why, and nothing is claimed. On the main
 * loop. */
void id_tail_again(struct id_tail *t);
void id_tail_free(struct id_tail **t);
