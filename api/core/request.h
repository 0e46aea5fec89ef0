/* A request: a small state machine (api/core/steps.def) on one thread. What a
 * feature knows of it is the feature's own struct, which the feature makes when
 * the request enters it and frees at its end.
 */
#pragma once

#include "api/core/instance.h"
#include "api/core/waiters.h"
#include "common/base/buf.h"
#include "common/log/keyspace.h"
#include "common/schema/collection.h"

#include <microhttpd.h>

#define STEP(id, fn, what) id,
enum step {
#include "api/core/steps.def"
	STEP_COUNT
};
#undef STEP

enum step_result { STEP_MORE, STEP_PARK, STEP_DONE };

#define STEP(id, fn, what) enum step_result fn(struct request *r);
#include "api/core/steps.def"
#undef STEP

/* What became of a piece of a streamed body. */
enum piece {
	PIECE_TAKEN, /* all of it */
	PIECE_PARK,  /* *taken of it: the rest comes again after the resume */
	PIECE_WHOLE, /* none: this body is one document, taken as BODY_WHOLE */
};

/* What a feature does for the requests of its routes. */
struct feature {
	enum step first; /* of a request whose body is in */
	bool takes_query;
	/* The route is known: makes the feature's state. NULL: it has none. */
	void (*enter)(struct request *r);
	/* The head is in, and allowed; STEP_DONE: refused. May be NULL. */
	enum step_result (*head)(struct request *r);
	/* With BODY_STREAMED. */
	enum piece (*piece)(
	    struct request *r, const char *data, size_t len, size_t *taken);
	/* The path has a key that is none of the collection. NULL: that is a
	 * violation. */
	enum step_result (*no_key)(
	    struct request *r, const char *key, size_t len);
	/* Adds headers to an answer that is about to be queued. May be NULL. */
	void (*describe)(
	    const struct request *r, struct MHD_Response *response);
	/* Lets go of whatever would complete the request. False: the completion
	 * is on its way from another thread and will resume it. May be called
	 * twice. NULL: there is nothing. */
	bool (*release)(struct request *r);
	/* The end, after `release`. NULL: there is nothing to free. */
	void (*free)(struct request *r);
};

#define REQUEST_MAGIC 0x5eed10adU

struct route;

/* The row that a request is about. */
struct target {
	const struct collection *collection;
	char *id; /* collection/key; owned. NULL: no row */
	size_t id_len;
	const char *key; /* inside id */
	size_t key_len;
	struct key_slot slot;
};

/* The answer that a request's head has, before its body is in. */
struct refusal {
	bool possible; /* answers are kept here */
	unsigned status;
	struct MHD_Response *response; /* owned */
};

/* What a parked request waits for. */
enum parked_for {
	PARKED_FOR_ANSWER, /* of a server, or a commit */
	PARKED_FOR_KEY,	   /* until ids are reserved */
	PARKED_FOR_TURN,   /* until others had theirs */
	PARKED_FOR_FEED,   /* until its change feed is open */
};

struct parking {
	struct request *next, *prev; /* of the parked ones of the thread */
	bool on;		     /* it is parked */
	enum parked_for why;	     /* of the last time, or this one */
	struct wait wait;	     /* for a commit */
	mono_us_t deadline;
	bool expired;	  /* the deadline passed while it was parked */
	bool gone;	  /* the client hung up while it was parked */
	mono_us_t peeked; /* was it seen whether the client is there */
};

struct request {
	unsigned magic;
	struct thread *thread;
	struct MHD_Connection *connection;
	const char *method; /* libmicrohttpd's, for the request's life */
	const char *path;   /* likewise; as it was sent */
	mono_us_t started;
	const struct route *route;
	const struct feature *feature; /* its route's; NULL: it has none */
	enum step step;
	enum MHD_Result rc; /* of the queued response */
	struct refusal refusal;
	struct buf body;
	size_t held; /* of budget_bodies, for it */
	struct target target;
	struct parking parking;

	/* Each is its feature's; NULL: the request is not in that feature. */
	struct read_op *read;	  /* api/read/lookup.h */
	struct write_op *write;	  /* api/write/write.h */
	struct bulk *bulk;	  /* api/bulk/bulk_priv.h */
	struct status_op *status; /* api/write/status.c */
	struct changes *changes;  /* api/changes/changes.c */
	struct compat_op *compat; /* api/compat/compat_cache.c */
};

/* Suspends it: the connection waits until the request is resumed. */
void request_park(struct request *r);
/* Lets go of whatever would complete it. False: the completion is on its way
 * from another thread and will resume it. */
bool request_release(struct request *r);
/* A completion, from the request's own loop: run the machine again. */
void request_resume(struct request *r);
/* Sets the deadline of the next PARK. */
void request_deadline(struct request *r, dur_us_t after);
/* False: too many requests wait already. */
bool request_may_park(struct request *r);
/* The worker's timer: ends what waited too long or has lost its client. */
void request_sweep(struct thread *t);
/* The watermark of a partition moved to `through`: resumes those that waited
 * for it. */
void request_passed(struct thread *t, int32_t partition, version_t through);
/* Ids were reserved: resumes who waits for a key. */
void request_keys(struct thread *t);
/* A request is about to be parked for its turn: it goes on when the loop has
 * looked at the others. */
void request_gave_way(struct thread *t);
/* Makes id, key and slot; another one than before, if there was one. */
void request_target(
    struct request *r, const struct collection *c, const char *key, size_t len);
/* The value of a header, or NULL. libmicrohttpd (before 1.0) leaves the blanks
 * behind it. */
const char *request_header(const struct request *r, const char *name);
/* The same without them, of one that may be spread over several lines, as a
 * list may: appends them with commas between, as RFC 9110, 5.3 has it, and
 * returns it; NULL: there is none. */
const char *request_list(
    const struct request *r, const char *name, struct buf *out);
