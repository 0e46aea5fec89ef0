/* A request: a small state machine (api/core/steps.def) on one thread.
 */
#pragma once

#include "api/http/cache_control.h"
#include "api/http/prefer.h"
#include "api/read/lookup.h"
#include "api/read/singleflight.h"
#include "api/read/tier.h"
#include "api/worker.h"
#include "api/write/decision.h"
#include "api/write/outcomes.h"
#include "api/write/waiters.h"
#include "common/base/buf.h"
#include "common/log/keyspace.h"
#include "common/log/record.h"
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
	/* The head is in, and allowed; STEP_DONE: refused. May be NULL. */
	enum step_result (*head)(struct request *r);
	/* With BODY_STREAMED. */
	enum piece (*piece)(
	    struct request *r, const char *data, size_t len, size_t *taken);
	/* The path has a key that is none of the collection. NULL: that is a
	 * violation. */
	enum step_result (*no_key)(
	    struct request *r, const char *key, size_t len);
	/* Lets go of whatever would complete the request. False: the completion
	 * is on its way from another thread and will resume it. May be called
	 * twice. NULL: there is nothing. */
	bool (*release)(struct request *r);
	/* The end, after `release`. NULL: there is nothing to free. */
	void (*free)(struct request *r);
};

#define REQUEST_MAGIC 0x5eed10adU

struct route;

struct request {
	unsigned magic;
	struct worker *worker;
	struct MHD_Connection *connection;
	const char *method; /* libmicrohttpd's, for the request's life */
	const char *path;   /* likewise; as it was sent */
	struct buf body;
	size_t held; /* of budget_bodies, for it */
	/* The answer that its head has, before its body is in; owned. */
	bool beginning;
	struct MHD_Response *refusal;
	unsigned refusal_status;
	bool judged;	   /* it is known whether the body is a bulk */
	struct bulk *bulk; /* then it goes there; NULL: into `body` */
	enum step step;
	enum MHD_Result rc; /* of the queued response */
	mono_us_t started;
	mono_us_t peeked; /* was it seen whether the client is there */
	const struct route *route;
	const struct feature *feature; /* its route's; NULL: it has none */

	/* the target */
	const struct collection *collection;
	char *id; /* collection/key */
	size_t id_len;
	const char *key; /* inside id */
	size_t key_len;
	struct key_slot slot;

	/* a read */
	struct list_query *list;	/* NULL: of a document */
	bool whole;			/* all of it is asked for, not a page */
	bool exports;			/* the whole collection, instead */
	const struct export_form *form; /* then, of the answer */
	struct export *export;		/* owned, until it is the response's */
	mono_us_t asked_at;		/* a server, for it */
	bool reading;			/* its answer says where it came from */
	struct cache_control cache;
	struct position *after; /* Sluice-Read-After */
	size_t nafter, passed;	/* positions, and how many are passed */
	bool bad_after;
	mono_us_t waiting_since; /* for a position; 0: not */
	dur_us_t waited;
	struct singleflight_waiter flight;
	uint64_t mode; /* of the flight */
	enum lookup_way way;
	bool in_flight;
	bool collapsed;
	struct value *value; /* owned reference */
	enum tier tier;
	unsigned skipped;
	struct tier_times times;
	enum read_failure failure;

	/* a write */
	enum record_op op;
	bool creates;	 /* a POST: its key is in the document, or generated */
	bool awaits_key; /* parked until ids are reserved */
	bool gives_way;	 /* parked until others had their turn */
	char *doc;	 /* what is appended, where it is not the body itself */
	size_t doc_len;
	struct prefer prefer;
	bool made;	 /* it is committed, and has made its row */
	bool represents; /* it is committed; its row is being read */
	enum record_condition condition;
	struct buf versions;   /* of an If-Match, as the log has it */
	char *idempotency_key; /* NULL: none */
	uint64_t fingerprint;  /* of the request that has it */
	dur_us_t wait_for;     /* the commit; 0: not at all */
	struct append *append;
	enum delivery_status delivered;
	bool has_position;
	struct position position;
	struct decision_ask *ask; /* in flight */
	struct decision decision;

	/* of the reference systems' routes (api/compat/compat_cache.c) */
	struct measure *measure;
	bool clearing; /* parked until the main loop has done it */
	bool cleared;

	struct changes *changes; /* owned, until it is the response's */

	/* parking */
	struct request *prev_parked, *next_parked;
	bool parked;
	struct wait wait;
	mono_us_t deadline;
	bool expired; /* the deadline passed while it was parked */
	bool gone;    /* the client hung up while it was parked */
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
void request_sweep(struct worker *w);
/* The tail passed these: resumes them. */
void request_passed(struct worker *w, int32_t partition);
/* Ids were reserved: resumes who waits for a key. */
void request_keys(struct worker *w);
/* A request is about to be parked that `gives_way`: it goes on when the loop
 * has looked at the others. */
void request_gave_way(struct worker *w);
/* A lookup's result, from the request's own thread. */
void request_landed(struct request *r, const struct lookup_result *result);
/* Makes id, key and slot; another one than before, if there was one. */
void request_target(
    struct request *r, const struct collection *c, const char *key, size_t len);
/* The same for the page that r->list asks for. */
void request_page(struct request *r);
/* The value of a header, or NULL. libmicrohttpd (before 1.0) leaves the blanks
 * behind it. */
const char *request_header(const struct request *r, const char *name);
/* The same without them, of one that may be spread over several lines, as a
 * list may: appends them with commas between, as RFC 9110, 5.3 has it, and
 * returns it; NULL: there is none. */
const char *request_list(
    const struct request *r, const char *name, struct buf *out);
