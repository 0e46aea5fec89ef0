/* A route of the public listener: a row of api/routes.def. */
#pragma once

#include "api/core/operation.h"
#include "api/core/request.h"
#include "api/write/outcomes.h"
#include "common/http/router.h"

/* How one family of routes words its requests and answers. */
struct surface {
	/* Answers a read: r->value, or r->failure. */
	enum step_result (*read)(struct request *r);
	/* Takes a write from the request: target, document, wait. STEP_MORE, or
	 * STEP_DONE after a refusal was answered. */
	enum step_result (*parse)(struct request *r);
	/* The log has it; nobody waits, or the time is over. */
	enum step_result (*receipt)(struct request *r);
	/* It is decided. */
	enum step_result (*settled)(struct request *r, struct outcome o);
	/* Answers a read of what can be no key. */
	enum step_result (*absent)(
	    struct request *r, const char *key, size_t len);
};

extern const struct surface native_surface; /* api/core/native.c */
extern const struct surface seed_surface;   /* api/compat/compat.c */

/* How a route takes the body. */
enum body_policy {
	BODY_NONE,     /* into r->body, up to http.max_item; nobody reads it */
	BODY_WHOLE,    /* into r->body, up to http.max_item; then it runs */
	BODY_STREAMED, /* by route_ops.piece, up to http.max_bulk */
};

/* Which media types it takes; others are refused with 415. */
enum body_media {
	MEDIA_ANY,	/* the type is not looked at */
	MEDIA_DOCUMENT, /* JSON */
	MEDIA_PATCH,	/* a merge patch, or an increment */
	MEDIA_BULK,	/* JSON, or NDJSON */
};

/* What became of a piece of a streamed body. */
enum piece {
	PIECE_TAKEN, /* all of it */
	PIECE_PARK,  /* *taken of it: the rest comes again after the resume */
	PIECE_WHOLE, /* none: this body is one document, taken as BODY_WHOLE */
};

/* What a feature does for its routes. */
struct route_ops {
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
};

struct route {
	struct route_head head; /* first: a row of a router */
	struct {
		enum body_policy policy;
		enum body_media media;
	} body;
	const struct route_ops *ops;
	/* The collection that it is about; NULL: the path names it, or it is
	 * about none. */
	const char *collection;
	/* Of routes that read or write documents; NULL: of others. */
	const struct surface *surface;
	/* Of a write. */
	enum record_op op;
	/* With page_ops (api/service/service.h): what answers. */
	enum step_result (*page)(struct request *r);
	struct operation operation;
};
