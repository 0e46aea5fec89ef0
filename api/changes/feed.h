/* Change feeds: the commits of a collection as server-sent events, from a place
 * in sluice.commits.
 *
 * Each feed reads the log with a consumer of its own. So a client that resumes
 * far back is served like one that is up to date, and neither waits for the
 * other. All feeds run on one thread of their own, because a consumer takes a
 * while to end. The request's thread takes the events from a bounded buffer.
 * While the buffer is full, the consumer is held.
 *
 * An event is sent when its record is heard. The last event of each partition
 * is sent with the next mark, whose id it gets. If a client resumes at an id,
 * it gets every event after it; events that were sent after this id may come
 * twice. The order per key is kept.
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

/* Starts the feeds' thread. Returns owned. */
struct feeds *feeds_new(const struct feeds_options *o);
/* The loop of the feeds' thread. */
const struct loop *feeds_loop(const struct feeds *f);
/* Every feed must be closed, and the threads that closed them must have ended.
 */
void feeds_free(struct feeds **f);

struct tail;

struct feed_options {
	const struct collection *collection;
	const char *request; /* its id, for the log; copied */
	/* Only the documents of this owner; copied. NULL: all, and who changed
	 * them. */
	const char *owner;
	uint32_t epoch;
	const struct tail *tail;
	const struct change_place *places; /* one for every partition */
	struct loop *loop;		   /* of the request's thread */
	/* Called on that loop: there are bytes to take, or the state changed.
	 */
	void (*heard)(void *arg);
	void *arg;
};

enum feed_state {
	FEED_OPENING,
	FEED_OPEN,    /* all partitions can be read from their places, or many
			 events wait */
	FEED_EXPIRED, /* a place is not in the log any more */
	FEED_ENDED,   /* the feed cannot go on */
};

/* Opens a feed; copies the places. Returns owned. */
struct feed *feed_open(struct feeds *f, const struct feed_options *o);
/* This and the functions below: only on the loop of the request. */
enum feed_state feed_state(struct feed *f);
/* Takes at most `max` bytes; 0: there are none now. */
size_t feed_take(struct feed *f, char *to, size_t max);
/* After it, `heard` is not called any more. */
void feed_close(struct feed **f);
