#include "api/assets.h"

#include "api/answer.h"
#include "api/openapi.h"
#include "common/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <xxhash.h>

enum { TAG_LEN = 24 };

struct assets {
	struct {
		struct MHD_Response *whole, *unchanged;
		char etag[TAG_LEN];
	} items[ASSETS];
};

/* `no-cache`: kept by a client, and asked for again with its ETag. */
static void describe(struct MHD_Response *response, const char *etag)
{
	MHD_add_response_header(response, MHD_HTTP_HEADER_ETAG, etag);
	MHD_add_response_header(
	    response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-cache");
}

/* Empties the body. */
static void make(
    struct assets *a, enum asset which, struct buf *body, const char *type)
{
	char *etag = a->items[which].etag;
	snprintf(etag, TAG_LEN, "\"%016" PRIx64 "\"",
	    XXH3_64bits(body->data, body->len));
	struct MHD_Response *whole = answer_body(body, type);
	MHD_add_response_header(whole, "X-Content-Type-Options", "nosniff");
	describe(whole, etag);
	struct MHD_Response *unchanged =
	    MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
	describe(unchanged, etag);
	a->items[which].whole = whole;
	a->items[which].unchanged = unchanged;
}

struct assets *assets_new(void)
{
	struct assets *a = MEM_NEW(struct assets);
	struct buf body = {0};
	openapi_write(&body);
	make(a, ASSET_OPENAPI, &body, "application/json");
	return a;
}

void assets_free(struct assets **ap)
{
	struct assets *a = *ap;
	if (a == NULL)
		return;
	for (int i = 0; i < ASSETS; i++) {
		MHD_destroy_response(a->items[i].whole);
		MHD_destroy_response(a->items[i].unchanged);
	}
	free(a);
	*ap = NULL;
}

static enum step_result answer(struct request *r, enum asset which)
{
	const struct assets *a = r->worker->app->assets;
	const char *known = request_header(r, MHD_HTTP_HEADER_IF_NONE_MATCH);
	if (known && etag_listed(known, a->items[which].etag))
		return answer_shared(r, 304, a->items[which].unchanged);
	return answer_shared(r, 200, a->items[which].whole);
}

enum step_result assets_openapi(struct request *r)
{
	return answer(r, ASSET_OPENAPI);
}
