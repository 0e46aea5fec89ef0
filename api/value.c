#include "api/value.h"

#include "common/check.h"
#include "common/mem.h"

#include <inttypes.h>
#include <microhttpd.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The document's bytes are shared by the value and by every response made of
 * it, and end with the last of them. */
struct blob {
	_Atomic unsigned refs;
	char bytes[];
};

static struct blob *blob_of(const char *doc)
{
	return (struct blob *)(uintptr_t)(doc - offsetof(struct blob, bytes));
}

static char *blob_new(const char *doc, size_t len)
{
	struct blob *b = mem_alloc(sizeof *b + len + 1);
	b->refs = 1;
	if (len)
		memcpy(b->bytes, doc, len);
	b->bytes[len] = '\0';
	return b->bytes;
}

/* True: it was the last reference. Release our writes to whoever frees, and
 * acquire theirs before freeing. */
static bool drop(_Atomic unsigned *refs)
{
	return atomic_fetch_sub_explicit(refs, 1, memory_order_acq_rel) == 1;
}

static void blob_unref(void *doc)
{
	struct blob *b = blob_of(doc);
	if (drop(&b->refs))
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
	v->len = doc ? len : 0;
	v->doc = blob_new(doc, v->len);
	return v;
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
	if (v == NULL || !drop(&v->refs))
		return;
	if (v->l1_response)
		MHD_destroy_response(v->l1_response);
	blob_unref(v->doc);
	free(v);
}

size_t value_cost(const struct value *v)
{
	enum { RESPONSE_COST = 600 }; /* struct, four headers */
	return sizeof *v + sizeof(struct blob) + v->len +
	       (v->l1_response ? RESPONSE_COST : 0);
}

void value_etag(const struct value *v, char out[VALUE_ETAG_LEN])
{
	snprintf(out, VALUE_ETAG_LEN, "\"%" PRIu64 "\"", v->version);
}

struct MHD_Response *value_response(const struct value *v)
{
	atomic_fetch_add_explicit(
	    &blob_of(v->doc)->refs, 1, memory_order_relaxed);
	struct MHD_Response *r =
	    MHD_create_response_from_buffer_with_free_callback_cls(
		v->len, v->doc, blob_unref, v->doc);
	CHECK(r != NULL);
	char etag[VALUE_ETAG_LEN];
	value_etag(v, etag);
	MHD_add_response_header(
	    r, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json");
	MHD_add_response_header(r, MHD_HTTP_HEADER_ETAG, etag);
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
}
