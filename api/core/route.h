/* A route of the public listener: a row of api/routes.def. */
#pragma once

#include "api/core/operation.h"
#include "api/core/request.h"
#include "common/http/router.h"
#include "common/log/record.h"

struct outcome; /* api/commits/outcomes.h */

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

extern const struct surface native_surface; /* api/write/native.c */
extern const struct surface seed_surface;   /* api/compat/compat.c */

/* How a route takes the body. */
enum body_policy {
	BODY_NONE,     /* into r->body, up to http.max_item; nobody reads it */
	BODY_WHOLE,    /* into r->body, up to http.max_item; then it runs */
	BODY_STREAMED, /* by feature.piece, up to http.max_bulk */
};

/* Which media types it takes; others are refused with 415. */
enum body_media {
	MEDIA_ANY,	/* the type is not looked at */
	MEDIA_DOCUMENT, /* JSON */
	MEDIA_PATCH,	/* a merge patch, or an increment */
	MEDIA_BULK,	/* JSON, or NDJSON */
};

struct route {
	struct route_head head; /* first: a row of a router */
	struct {
		enum body_policy policy;
		enum body_media media;
	} body;
	const struct feature *feature;
	/* The collection that it is about; NULL: the path names it, or it is
	 * about none. */
	const char *collection;
	/* Of routes that read or write documents; NULL: of others. */
	const struct surface *surface;
	/* Of a write. */
	enum record_op op;
	/* With page_feature (api/service/service.h): what answers. */
	enum step_result (*page)(struct request *r);
	struct operation operation;
};
