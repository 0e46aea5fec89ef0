#include "api/cache/value.h"

#include "api/limits/budget.h"
#include "common/base/buf.h"
#include "common/base/check.h"
#include "common/base/mem.h"
#include "common/http/http_head.h"
#include "common/schema/expiry.h"

#include <inttypes.h>
#include <microhttpd.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { MORE_HEADERS = 8, HEADER_COST = 72 };

/* The bytes of the document. The value and every response made of it share
 * them; they are freed with the last of these. */
struct blob {
	_Atomic unsigned refs;
	_Atomic unsigned kept; /* how many references are L1's */
	size_t len;
	char bytes[];
};

static struct blob *blob_of(const char *doc)
{
	return (struct blob *)(uintptr_t)(doc - offsetof(struct blob, bytes));
}

static void value_count(const struct blob *b, bool counted)
{
	size_t held = counted ? 0 : b->len;
	budget_set(&budget_answers, &held, counted ? b->len : 0);
}

static char *blob_new(const char *doc, size_t len)
{
	struct blob *b = mem_alloc(sizeof *b + len + 1);
	b->refs = 1;
	b->kept = 0;
	b->len = len;
	value_count(b, true);
	if (len)
		memcpy(b->bytes, doc, len);
	b->bytes[len] = '\0';
	return b->bytes;
}

/* True: it was the last reference. Release: whoever frees sees our writes.
 * Acquire: we see those of the others before we free. */
static bool value_drop_reference(_Atomic unsigned *refs)
{
	return atomic_fetch_sub_explicit(refs, 1, memory_order_acq_rel) == 1;
}

static void blob_unref(void *doc)
{
	struct blob *b = blob_of(doc);
	if (!value_drop_reference(&b->refs))
		return;
	value_count(b, false);
	free(b);
}

struct value *value_new(
    version_t version, version_t as_of, const char *doc, size_t len)
{
	struct value *v = MEM_NEW(struct value);
	v->refs = 1;
	v->present = doc != NULL;
	v->version = version;
	v->as_of = as_of;
	v->ends = EXPIRY_NEVER;
	v->len = doc ? len : 0;
	v->doc = blob_new(doc, v->len);
	return v;
}

struct value *value_page_new(const char *doc, size_t len, const char *next,
    const version_t *as_of, size_t n)
{
	struct value *v = value_new(0, 0, doc, len);
	struct value_page *p = mem_zalloc(sizeof *p + n * sizeof p->as_of[0]);
	size_t next_len = next ? strlen(next) : 0;
	XXH128_hash_t tag = XXH3_128bits_withSeed(
	    doc, len, XXH3_64bits(next ? next : "", next_len));
	p->tag[0] = tag.high64;
	p->tag[1] = tag.low64;
	p->next = next ? mem_strdup(next) : NULL;
	p->total = -1;
	p->partition = -1;
	p->n = n;
	if (n)
		memcpy(p->as_of, as_of, n * sizeof p->as_of[0]);
	v->page = p;
	return v;
}

struct value *value_group_new(
    const char *doc, size_t len, int32_t partition, version_t as_of)
{
	struct value *v = value_page_new(doc, len, NULL, NULL, 0);
	v->as_of = as_of;
	v->page->partition = partition;
	return v;
}

struct value *value_part_new(const char *doc, size_t len)
{
	struct value *v = value_page_new(doc, len, NULL, NULL, 0);
	v->page->part = true;
	return v;
}

void value_page_as(struct value *v, const char *type)
{
	v->page->type = type;
}

void value_page_count(struct value *v, int64_t total, bool preferred)
{
	struct value_page *p = v->page;
	p->total = total;
	p->preferred = preferred;
	p->tag[1] ^= XXH3_64bits(&total, sizeof total);
}

void value_end_by(struct value *v, wall_us_t time)
{
	v->ends = time < v->ends ? time : v->ends;
}

struct value *value_ref(struct value *v)
{
	atomic_fetch_add_explicit(&v->refs, 1, memory_order_relaxed);
	return v;
}

void value_unref(struct value **vp)
{
	struct value *v = *vp;
	*vp = NULL;
	if (v == NULL || !value_drop_reference(&v->refs))
		return;
	if (v->l1_response)
		MHD_destroy_response(v->l1_response);
	blob_unref(v->doc);
	if (v->page)
		free(v->page->next);
	free(v->page);
	free(v);
}

struct value *value_keep(struct value *v)
{
	struct blob *b = blob_of(v->doc);
	if (atomic_fetch_add(&b->kept, 1) == 0)
		value_count(b, false);
	return value_ref(v);
}

void value_drop(struct value **v)
{
	struct blob *b = blob_of((*v)->doc);
	if (atomic_fetch_sub(&b->kept, 1) == 1)
		value_count(b, true);
	value_unref(v);
}

static bool value_private;

void value_make_private(bool private)
{
	value_private = private;
}

static struct {
	const char *name, *value;
} more_headers[MORE_HEADERS];
static size_t more, more_cost;

void value_add_header(const char *name, const char *value)
{
	CHECK(more < MORE_HEADERS);
	more_headers[more].name = name;
	more_headers[more++].value = value;
	more_cost += HEADER_COST + strlen(name) + strlen(value);
}

size_t value_cost(const struct value *v)
{
	/* The struct and five headers; seven. */
	size_t response = (value_private ? 900 : 720) + more_cost;
	size_t page =
	    v->page ? sizeof *v->page + v->page->n * sizeof(version_t) : 0;
	size_t next = v->page && v->page->next ? strlen(v->page->next) : 0;
	if (v->page && v->page->total >= 0)
		response += 3 * HEADER_COST + v->page->n * POSITION_MAX_LEN;
	if (v->page && v->page->partition >= 0)
		response += HEADER_COST + POSITION_MAX_LEN;
	return sizeof *v + sizeof(struct blob) + v->len + page + next +
	       (v->l1_response ? response + next : 0);
}

void value_etag(const struct value *v, char out[VALUE_ETAG_LEN])
{
	if (v->page)
		snprintf(out, VALUE_ETAG_LEN,
		    "\"%016" PRIx64 "%016" PRIx64 "\"", v->page->tag[0],
		    v->page->tag[1]);
	else
		snprintf(out, VALUE_ETAG_LEN, "\"%" PRIu64 "\"", v->version);
}

/* Makes what a 200 and a 304 have in common. The body of a 304 is not sent, but
 * its length is (RFC 9110, 8.6). Without a body, libmicrohttpd would send a
 * length of 0, which a cache may believe. */
static struct MHD_Response *value_describe(
    const struct value *v, const char *type)
{
	atomic_fetch_add_explicit(
	    &blob_of(v->doc)->refs, 1, memory_order_relaxed);
	struct MHD_Response *r =
	    MHD_create_response_from_buffer_with_free_callback_cls(
		v->len, v->doc, blob_unref, v->doc);
	CHECK(r != NULL);
	http_head_type(r, type);
	char etag[VALUE_ETAG_LEN];
	value_etag(v, etag);
	MHD_add_response_header(r, MHD_HTTP_HEADER_ETAG, etag);
	/* With another Accept, the same URL is CSV, or an export; with another
	 * Prefer, it has a total. */
	if (v->page && v->page->n)
		MHD_add_response_header(
		    r, MHD_HTTP_HEADER_VARY, "Accept, Prefer");
	return r;
}

/* Appends the last write of the partition in front of the watermark, if there
 * is one. */
static void value_add_position(
    struct buf *text, int32_t partition, version_t as_of)
{
	char position[POSITION_MAX_LEN];
	if (version_offset(as_of) == 0)
		return;
	position_format((struct position){partition, as_of - 1}, position);
	buf_printf(text, "%s%s", text->len ? ", " : "", position);
}

/* For each partition that has writes, the last one that was counted. */
static void value_add_as_of(
    const struct value *v, struct MHD_Response *response)
{
	struct buf text = {0};
	for (size_t i = 0; i < v->page->n; i++)
		value_add_position(&text, (int32_t)i, v->page->as_of[i]);
	if (v->page->partition >= 0)
		value_add_position(&text, v->page->partition, v->as_of);
	if (text.len)
		MHD_add_response_header(response, "Sluice-As-Of", text.data);
	buf_free(&text);
}

/* The range is unknown, because a page begins after a row and not at a number;
 * so it is written as PostgREST writes the range of no rows. */
static void value_add_total(
    const struct value *v, struct MHD_Response *response)
{
	const struct value_page *p = v->page;
	char range[32];
	snprintf(range, sizeof range, "*/%" PRId64, p->total);
	MHD_add_response_header(response, "Content-Range", range);
	value_add_as_of(v, response);
	if (p->preferred)
		MHD_add_response_header(
		    response, "Preference-Applied", "count=exact");
}

struct MHD_Response *value_unchanged(const struct value *v)
{
	return value_describe(v, NULL);
}

struct MHD_Response *value_response(const struct value *v)
{
	bool json = v->page == NULL || v->page->type == NULL;
	struct MHD_Response *r =
	    value_describe(v, json ? "application/json" : v->page->type);
	if (v->page && v->page->next)
		MHD_add_response_header(r, "Link", v->page->next);
	if (v->page && v->page->total >= 0)
		value_add_total(v, r);
	if (v->page && v->page->partition >= 0)
		value_add_as_of(v, r);
	return r;
}

void value_prepare_l1(struct value *v)
{
	CHECK(v->l1_response == NULL);
	if (!v->present)
		return;
	v->l1_response = value_response(v);
	MHD_add_response_header(
	    v->l1_response, "Cache-Status", VALUE_L1_STATUS);
	MHD_add_response_header(
	    v->l1_response, "Server-Timing", VALUE_L1_TIMING);
	if (value_private)
		http_head_private(v->l1_response);
	for (size_t i = 0; i < more; i++)
		MHD_add_response_header(v->l1_response, more_headers[i].name,
		    more_headers[i].value);
}
