/* A request: a small state machine (api/core/steps.def) on one thread. Each
 * feature keeps its state of the request in a struct of its own. The feature
 * makes this struct when it gets the request, and frees it at the request's
 * end.
 */
#pragma once

#include "api/access/rights.h"
#include "api/core/instance.h"
#include "api/core/waiters.h"
#include "common/base/buf.h"
#include "common/http/request_id.h"
#include "common/log/keyspace.h"
#include "common/schema/collection.h"
#include "common/trace/span.h"

#include <microhttpd.h>

#define STEP(id, fn, what) id,
enum step {
#include "api/core/steps.def"
	STEPS
};
#undef STEP

enum step_result { STEP_MORE, STEP_PARK, STEP_DONE };

#define STEP(id, fn, what) enum step_result fn(struct request *r);
#include "api/core/steps.def"
#undef STEP

/* What a feature did with a piece of a streamed body. */
enum piece {
	PIECE_TAKEN, /* took all of it */
	PIECE_PARK,  /* *taken bytes; the rest comes again later */
	PIECE_WHOLE, /* none: to be collected as one document */
};

/* The functions of a feature, for requests whose routes belong to it. */
struct feature {
	enum step first; /* the first step, when the body is in */
	bool takes_query;
	/* It is about several collections. It asks for the right on each of
	 * them; before that, the right on any of them is enough. */
	bool joins;
	/* Called when the route is known: makes the feature's state. NULL: the
	 * feature has none. */
	void (*enter)(struct request *r);
	/* Called when the head is in and the checks of api/core/entry.c have
	 * passed. STEP_DONE: it refused the request. May be NULL. */
	enum step_result (*head)(struct request *r);
	/* Takes a piece of the body, for BODY_STREAMED. */
	enum piece (*piece)(
	    struct request *r, const char *data, size_t len, size_t *taken);
	/* Called if the key in the path cannot be a key of the collection.
	 * NULL: the answer is a violation. */
	enum step_result (*no_key)(
	    struct request *r, const char *key, size_t len);
	/* Adds headers to an answer before it is queued. May be NULL. */
	void (*describe)(
	    const struct request *r, struct MHD_Response *response);
	/* For the access log: where the value of the answer came from; NULL:
	 * there is none. Appends the durations of the stages to `stages`, as in
	 * Server-Timing, unless that is NULL. May be NULL. */
	const char *(*source)(const struct request *r, struct buf *stages);
	/* Adds attributes to the span of the request, which ends. May be NULL.
	 */
	void (*trace)(const struct request *r, struct span *s);
	/* Abandons whatever would resume the request. False: the completion is
	 * already on its way from another thread, and will resume it. May be
	 * called twice. NULL: nothing to abandon. */
	bool (*release)(struct request *r);
	/* Called at the end, after `release`. NULL: nothing to free. */
	void (*free)(struct request *r);
};

#define REQUEST_MAGIC 0x5eed10adU

struct client;
struct rate_limit;
struct route;

/* The collection and the row that a request is about. */
struct target {
	const struct collection *collection;
	char *id; /* collection/key; owned. NULL: no row */
	size_t id_len;
	const char *key; /* inside id */
	size_t key_len;
	struct key_slot slot;
};

/* A refusal by the head of the request, before its body is in. */
struct refusal {
	bool possible; /* answers are kept here */
	unsigned status;
	struct MHD_Response *response; /* owned */
};

/* What a parked request waits for: */
enum parked_for {
	PARKED_FOR_ANSWER, /* an answer of a server, or a commit */
	PARKED_FOR_KEY,	   /* integer keys */
	PARKED_FOR_TURN, /* the other requests of its thread, which run first */
	PARKED_FOR_FEED, /* the opening of its change feed */
};

struct parking {
	struct request *next, *prev; /* the thread's parked requests */
	bool on;		     /* it is parked */
	enum parked_for why;	     /* now, or when it was parked last */
	struct wait wait;	     /* for a commit */
	mono_us_t deadline;
	bool expired;	  /* the deadline passed while it was parked */
	bool gone;	  /* the client hung up while it was parked */
	mono_us_t peeked; /* when the client's socket was last looked at */
};

/* How much of its limit the caller has left. */
struct rate_state {
	const struct rate_limit *limit; /* NULL: none */
	int64_t remaining, reset_s;
};

struct request {
	unsigned magic;
	struct thread *thread;
	struct MHD_Connection *connection;
	const char *method; /* libmicrohttpd's; valid until the request ends */
	const char *path;   /* likewise; not decoded */
	const char *origin; /* likewise: the header Origin. NULL: none */
	mono_us_t started;
	const struct route *route;
	const struct feature *feature; /* its route's; NULL: it has none */
	/* Who asks; owned reference. NULL: callers need not say who they are,
	 * and may do everything. */
	struct principal *principal;
	struct rate_state rate;
	/* From its head to the end of its answer (docs/tracing.md); owned.
	 * NULL: it is not traced. */
	struct span_start *trace;
	struct client *share; /* of whom guard_take took a place */
	enum right right;     /* what the principal may do with the target */
	enum step step;
	enum MHD_Result rc; /* of MHD_queue_response */
	/* Of its head; libmicrohttpd's, valid until the request ends. NULL:
	 * there is none. */
	const char *traceparent, *given_id;
	const char *id; /* see request_id; NULL: nobody asked for it yet */
	char own_id[REQUEST_ID_OWN + 1];
	unsigned code; /* the status of its answer; 0: it has none yet */
	dur_us_t took; /* until its answer was ready */
	int64_t bytes; /* of the answer's body; -1: a stream */
	struct refusal refusal;
	struct buf body;
	size_t held; /* bytes that its body takes from budget_bodies */
	struct target target;
	struct parking parking;

	/* The states of the features; NULL: the feature has none for this
	 * request. */
	struct read_op *read;	   /* api/read/lookup.h */
	struct write_op *write;	   /* api/write/write.h */
	struct bulk *bulk;	   /* api/bulk/bulk_priv.h */
	struct status_op *status;  /* api/write/status.c */
	struct changes *changes;   /* api/changes/changes.c */
	struct compat_op *compat;  /* api/compat/compat_cache.c */
	struct main_ask *main_ask; /* api/admin/main_ask.c */
};

/* Suspends the connection until the request is resumed. */
void request_park(struct request *r);
/* Abandons whatever would resume the request. False: the completion is already
 * on its way from another thread, and will resume it. */
bool request_release(struct request *r);
/* Called on the request's own loop when its wait is over: continues its steps.
 */
void request_resume(struct request *r);
/* Sets the deadline of the next STEP_PARK. */
void request_deadline(struct request *r, dur_us_t after);
/* False: too many requests of this instance are parked already. */
bool request_may_park(struct request *r);
/* The worker's timer: resumes parked requests whose deadline passed or whose
 * client left; in a drain, also those that must not wait longer. */
void request_sweep(struct thread *t);
/* The watermark of a partition moved to `through`: resumes the requests that
 * waited for it. */
void request_passed(struct thread *t, int32_t partition, version_t through);
/* Ids were reserved: resumes the requests that wait for a key. */
void request_keys(struct thread *t);
/* The caller is about to park its request for PARKED_FOR_TURN. The request is
 * resumed after the loop has served the others. */
void request_gave_way(struct thread *t);
/* Sets id, key and slot of r->target; replaces an earlier target. */
void request_target(
    struct request *r, const struct collection *c, const char *key, size_t len);
/* The same for an atomic batch of the group, and for reading the group: there
 * is no collection, and the slot is that of the group. */
void request_group(struct request *r, const char *group, size_t len);
/* With RIGHT_OWN: the owner of the documents that the caller may use. */
const char *request_owner(const struct request *r);
/* The method, for logs and traces; `_OTHER` instead of one that HTTP does not
 * have, because a client may send any word. (The word is that of the semantic
 * conventions of OpenTelemetry.) */
const char *request_method(const struct request *r);
/* The id of the request: X-Request-Id as the client sent it, if it is valid;
 * else one that is made. Borrowed from the request. */
const char *request_id(struct request *r);
/* The value of a header, or NULL. libmicrohttpd (before 1.0) leaves trailing
 * blanks in it. */
const char *request_header(const struct request *r, const char *name);
/* The value of a header that is a list and may come in several lines. Appends
 * the lines to `out`, without trailing blanks and with commas between them (RFC
 * 9110, 5.3), and returns the text. NULL: there is no such header. */
const char *request_list(
    const struct request *r, const char *name, struct buf *out);
