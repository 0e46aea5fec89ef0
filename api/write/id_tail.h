/* The edge of sluice.ids: reads it, from its beginning, and appends to it.
 *
 * It has a producer of its own: while there is no such topic, that of the
 * writes is not held up.
 *
 * On the main loop. One partition, assigned by hand. After any fault it is read
 * anew, since the topic may have been made again meanwhile; what was read
 * before counts on (api/write/id_log.h).
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
	/* The ids of a claim are this instance's. */
	void (*mine)(
	    void *arg, const struct collection *c, struct id_range ids);
	/* The last open claim of the collection has ended; its ids, if there
	 * were any, were told. `late`: by no answer, so that there is a fault.
	 */
	void (*ended)(void *arg, const struct collection *c, bool late);
	void *arg;
};

struct err id_tail_new(const struct id_tail_options *o, struct id_tail **out);
/* Any thread: it was read to its end, and Kafka can be reached. */
bool id_tail_ready(const struct id_tail *t);
/* Any thread: claims `n` ranges, each record_ids_fit; all open claims of a
 * collection end together. False: none was claimed, and `ended` is not called
 * for it. */
bool id_tail_claim(struct id_tail *t, const struct collection *c,
    const struct id_range *ranges, size_t n);
void id_tail_free(struct id_tail **t);
