/* Routes: method and path to what a request does. */
#pragma once

#include "api/core/request.h"
#include "api/write/outcomes.h"

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

/* What a body of a route is. */
enum route_body {
	BODY_NONE,     /* it is not looked at */
	BODY_DOCUMENT, /* JSON */
	BODY_PATCH,    /* a merge patch, or an increment */
	BODY_BULK,     /* a document, or many */
};

struct route {
	const char *method;
	const char *pattern;
	enum route_body body;
	enum step step;
	const struct surface *surface;
	enum record_op op;
	enum step_result (*page)(struct request *r);
};

/* Finds the route of a request that has its head only, and its collection and
 * key. STEP_DONE: it was refused, whatever its body is. */
enum step_result route_request(struct request *r, const struct http_head *head);
/* The i-th of api/routes.def; NULL past the last. */
const struct route *route_at(size_t i);
