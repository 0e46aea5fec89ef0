/* The record of what was refused, and of what an administrator did: a line of
 * the log for each, with who asked, for what, from where, and the outcome. */
#pragma once

#include <stdbool.h>

struct MHD_Connection;

struct audit {
	const char *subject; /* "": none */
	const char *kind;    /* of the credential: "jwt", "admin.token", … */
	const char *key;     /* the id of an API key; NULL: none */
	const char *method;
	const char *request;	  /* X-Request-Id; "": none */
	const char *route;	  /* its pattern; NULL: no route was found */
	struct MHD_Connection *c; /* NULL: the request came from no listener */
	unsigned status;	  /* of the answer */
};

/* A request was refused because of its sender. `why` is one word. */
void audit_refused(const struct audit *a, const char *why);
/* A request acted on the daemon or on the caches, or was to. */
void audit_acted(const struct audit *a);
