/* One immutable answer: a document (or its absence) as of a watermark, or a
 * page of a list, or a group; with the ready-made HTTP response that serves it
 * from L1.
 *
 * It is reference-counted across threads. A response has a count of its own and
 * shares the document, so that a response in flight outlives an eviction.
 *
 * A document is counted once, even if many clients receive it: by L1 while L1
 * has it, otherwise in budget_answers (api/limits/budget.h).
 */
#pragma once

#include "common/base/clock.h"
#include "common/log/version.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct MHD_Response;

/* What a page, a group, or a part of a document has in addition to its bytes.
 * version of its struct value is 0; so is as_of, unless it is a group. */
struct value_page {
	bool part;	  /* it is a part of a document */
	const char *type; /* of its bytes; NULL: JSON */
	uint64_t tag[2];  /* a hash of the bytes: its ETag */
	char *next;	  /* the Link to the next page; NULL: none */
	/* How many rows the list has as of the watermarks; -1: unknown. */
	int64_t total;
	bool preferred; /* the client asked for the total by Prefer */
	/* The only partition of a group; -1: it is no group. */
	int32_t partition;
	size_t n;	   /* 0, unless it is a page */
	version_t as_of[]; /* the watermark of every partition */
};

struct value {
	_Atomic unsigned refs;
	bool present;
	version_t version; /* of the row; 0 if absent */
	version_t as_of;   /* watermark of the store that it was read from */
	/* When the time of the document comes, or the first time of those that
	 * a page or a group has or counts; EXPIRY_NEVER: never. Set before the
	 * value is shared. */
	wall_us_t ends;
	size_t len;
	char *doc; /* canonical JSON, NUL-terminated; "" if absent */
	/* The whole response for an L1 hit. NULL if absent, and before
	 * value_prepare_l1. It must not be changed: other threads queue it,
	 * too. */
	struct MHD_Response *l1_response;
	struct value_page *page; /* NULL: it is a document */
};

/* Copies the document. `doc` NULL: the row is absent. Returns owned. */
struct value *value_new(
    version_t version, version_t as_of, const char *doc, size_t len);
/* Makes a page. Copies the document, `next` (may be NULL) and the watermarks.
 * Returns owned. */
struct value *value_page_new(const char *doc, size_t len, const char *next,
    const version_t *as_of, size_t n);
/* Makes what was read of a group. `as_of` is the watermark of its partition.
 * Copies the document. Returns owned. */
struct value *value_group_new(
    const char *doc, size_t len, int32_t partition, version_t as_of);
/* Makes a part of a document, as it is answered; it is not for the caches.
 * Copies it. Returns owned. */
struct value *value_part_new(const char *doc, size_t len);
/* The bytes of a page that is not shared yet have this media type. Borrows it.
 */
void value_page_as(struct value *v, const char *type);
/* Adds the total to a page that is not shared yet: its answers then have
 * Content-Range and Sluice-As-Of; Preference-Applied, too, if it is
 * `preferred`.
 */
void value_page_count(struct value *v, int64_t total, bool preferred);
/* Lowers `ends` of a value that is not shared yet to this time. */
void value_end_by(struct value *v, wall_us_t time);
/* Takes another reference, owned by the caller. Any thread. */
struct value *value_ref(struct value *v);
/* Gives the reference back, and clears it. Any thread. */
void value_unref(struct value **v);
/* As value_ref and value_unref, for references of L1. While L1 has one, L1's
 * own limit counts the document. */
struct value *value_keep(struct value *v);
void value_drop(struct value **v);
/* Bytes that the value counts for in L1. */
size_t value_cost(const struct value *v);

enum { VALUE_ETAG_LEN = 40 };
#define VALUE_L1_STATUS "sluice; hit; detail=l1"
#define VALUE_L1_TIMING "l1"

/* The ETag: the version of a document, or the hash of a page. */
void value_etag(const struct value *v, char out[VALUE_ETAG_LEN]);
/* Returns a new 200 response with the document, owned: MHD_destroy_response. */
struct MHD_Response *value_response(const struct value *v);
/* Returns a new 304 response, owned. */
struct MHD_Response *value_unchanged(const struct value *v);
/* Call it before there are threads: answers depend on who asks, and
 * l1_response says so (http_head_private). */
void value_make_private(bool private);
/* Likewise: l1_response has this header, too. Borrows the texts. */
void value_add_header(const char *name, const char *value);
/* Makes l1_response. To be called once, before the value is shared. The
 * response is made once for all hits and cannot have their times: its
 * Server-Timing has only the name of the tier. */
void value_prepare_l1(struct value *v);
