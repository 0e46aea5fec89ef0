/* One immutable answer: a document (or its absence) as of a watermark, or a
 * page of a list, with the ready-made HTTP response that serves it from L1.
 *
 * Reference-counted across threads. The response has a count of its own and
 * shares the document, so that one in flight outlives an eviction.
 *
 * A document is counted once, however many clients are sent it: by L1 while it
 * is there, else in budget_answers (api/limits/budget.h).
 */
#pragma once

#include "common/log/version.h"

#include <stdbool.h>
#include <stddef.h>

struct MHD_Response;

/* What a page has beside its bytes. Its own version and as_of are 0. */
struct value_page {
	uint64_t tag[2]; /* a hash of all of it: its ETag */
	char *next;	 /* the Link to the next one; NULL: the last */
	size_t n;
	version_t as_of[]; /* watermark of every partition */
};

struct value {
	_Atomic unsigned refs;
	bool present;
	version_t version; /* of the row; 0 where absent */
	version_t as_of;   /* watermark of the store it was read from */
	size_t len;
	char *doc; /* canonical JSON, NUL-terminated; "" where absent */
	/* The whole answer of an L1 hit; NULL where absent, and before
	 * value_prepare_l1. Frozen: other threads queue it, too. */
	struct MHD_Response *l1_response;
	struct value_page *page; /* NULL: of a document */
};

/* Copies the document; `doc` NULL is the absent row. Returns owned. */
struct value *value_new(
    version_t version, version_t as_of, const char *doc, size_t len);
/* A page; copies the document, `next` (may be NULL) and the watermarks. */
struct value *value_page_new(const char *doc, size_t len, const char *next,
    const version_t *as_of, size_t n);
struct value *value_ref(struct value *v);
void value_unref(struct value **v);
/* The same of L1, whose own bound counts the document meanwhile. */
struct value *value_keep(struct value *v);
void value_drop(struct value **v);
/* Bytes that the value is accounted for in L1. */
size_t value_cost(const struct value *v);

enum { VALUE_ETAG_LEN = 40 };
#define VALUE_L1_STATUS "sluice; hit; detail=l1"
#define VALUE_L1_TIMING "l1"

void value_etag(const struct value *v, char out[VALUE_ETAG_LEN]);
/* A new 200 answer with the document: owned, MHD_destroy_response. */
struct MHD_Response *value_response(const struct value *v);
/* A new 304 answer: owned, too. */
struct MHD_Response *value_unchanged(const struct value *v);
/* Before the value is shared, once. A ready-made answer cannot say how long it
 * took: its Server-Timing names the tier alone. */
void value_prepare_l1(struct value *v);
