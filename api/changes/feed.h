/* Change feeds: what was committed to a collection, as server-sent events, from
 * a place in sluice.commits on.
 *
 * Each feed reads the log by a consumer of its own, so that one who resumes far
 * back and one who is up to date are served the same way, and nobody waits for
 * another. All of them run on a thread of their own, since a consumer takes its
 * time to end; the request thread takes the events by a bounded buffer: while
 * it is full the consumer is held.
 *
 * An event is told when it is heard, but the last one of each partition with
 * the mark behind it, whose id it has. Who resumes at an id is told everything
 * after it; what stood behind it may come twice. Per key the order is kept.
 */
#pragma once

#include "api/commits/change_id.h"
#include "common/base/loop.h"
#include "common/kafka/kafka.h"
#include "common/schema/collection.h"

struct feeds;
struct feed;

struct feeds_options {
	const struct kafka_config *kafka;
	const char *topic;
	int32_t partitions;
	dur_us_t heartbeat;
};

/* With its thread. */
struct feeds *feeds_new(const struct feeds_options *o);
/* That of its thread. */
const struct loop *feeds_loop(const struct feeds *f);
/* Every feed is closed; so are the threads that did it. */
void feeds_free(struct feeds **f);

struct tail;

struct feed_options {
	const struct collection *collection;
	uint32_t epoch;
	const struct tail *tail;
	const struct change_place *places; /* of every partition */
	struct loop *loop;		   /* of the request */
	/* There is something to take, or the state changed; on that loop. */
	void (*heard)(void *arg);
	void *arg;
};

enum feed_state {
	FEED_OPENING,
	FEED_OPEN, /* every partition can be read from its place on, or there is
		      much to tell already */
	FEED_EXPIRED, /* one's place is not in the log */
	FEED_ENDED,   /* it cannot go on */
};

struct feed *feed_open(struct feeds *f, const struct feed_options *o);
/* The rest from the loop of the request only. */
enum feed_state feed_state(struct feed *f);
/* At most `max` bytes; 0: there are none. */
size_t feed_take(struct feed *f, char *to, size_t max);
/* `heard` is not called any more. */
void feed_close(struct feed **f);
