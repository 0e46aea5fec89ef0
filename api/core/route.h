/* A route of the public listener: a row of api/routes.def. */
#pragma once

#include "api/core/operation.h"
#include "api/core/request.h"
#include "common/http/router.h"
#include "common/log/record.h"

struct outcome; /* api/commits/outcomes.h */

/* How one family of routes (the native ones, or those of the reference systems)
 * reads requests and words answers. */
struct surface {
	/* Answers a read that succeeded: r->read->value (api/read/lookup.h). */
	enum step_result (*read)(struct request *r);
	/* Takes a write from the request: target, document, wait. STEP_MORE: go
	 * on; STEP_DONE: it was refused and answered. */
	enum step_result (*parse)(struct request *r);
	/* Answers with a receipt: the write is in the log, and the client does
	 * not wait, or waits no longer. */
	enum step_result (*receipt)(struct request *r);
	/* Answers with the outcome of the write. */
	enum step_result (*settled)(struct request *r, struct outcome o);
	/* Answers a read whose key cannot be a key of the collection. */
	enum step_result (*absent)(
	    struct request *r, const char *key, size_t len);
};

extern const struct surface native_surface; /* api/write/native.c */
extern const struct surface batch_surface;  /* api/batch/batch.c */
extern const struct surface seed_surface;   /* api/compat/compat.c */

/* How a route takes the body of a request. */
enum body_policy {
	BODY_NONE,     /* collected up to http.max_item, and ignored */
	BODY_WHOLE,    /* collected up to http.max_item before the first step */
	BODY_STREAMED, /* passed to feature.piece, up to http.max_bulk */
};

/* The media types that a route takes; it refuses others with 415. */
enum body_media {
	MEDIA_ANY,	/* the type is not checked */
	MEDIA_DOCUMENT, /* JSON */
	MEDIA_PATCH,	/* a merge patch, or an increment */
	MEDIA_BULK,	/* JSON, or NDJSON */
	MEDIA_LINES,	/* NDJSON */
};

struct route {
	struct route_head head; /* first: a row of a router */
	struct {
		enum body_policy policy;
		enum body_media media;
	} body;
	const struct feature *feature;
	/* The collection of a route that is always about the same one. NULL:
	 * the path names it, or there is none. */
	const char *collection;
	/* For routes that read or write documents; NULL for others. */
	const struct surface *surface;
	/* For writes. */
	enum record_op op;
	bool upserts; /* without a condition, creates the row or replaces it */
	/* For page_feature (api/service/service.h): the function that answers.
	 */
	enum step_result (*page)(struct request *r);
	struct operation operation;
};
