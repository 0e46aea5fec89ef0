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

#include "api/metrics.h"
#include "api/write/id_log.h"

#include "common/base/loop.h"
#include "common/kafka/kafka.h"
#include "common/schema/collection.h"

struct idtail;

struct idtail_options {
	struct loop *loop;
	const struct kafka_config *kafka;
	const char *topic;
	struct idlog *log;
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

struct err idtail_new(const struct idtail_options *o, struct idtail **out);
/* Any thread: it was read to its end, and Kafka can be reached. */
bool idtail_ready(const struct idtail *t);
/* Any thread: claims `n` ranges, each record_ids_fit; all open claims of a
 * collection end together. False: none was claimed, and `ended` is not called
 * for it. */
bool idtail_claim(struct idtail *t, const struct collection *c,
    const struct id_range *ranges, size_t n);
void idtail_free(struct idtail **t);
