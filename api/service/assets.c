#include "api/service/assets.h"

#include "api/core/answer.h"
#include "api/core/guard.h"
#include "api/http/accept.h"
#include "api/http/prefer.h"
#include "api/openapi/embedded.h"
#include "api/openapi/openapi.h"
#include "api/service/gzip.h"
#include "common/base/check.h"
#include "common/base/datadir.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/http/http_head.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#define HTML "text/html; charset=utf-8"
#define SCRIPT "text/javascript; charset=utf-8"
#define STYLE "text/css; charset=utf-8"

enum { TAG_LEN = 24, VERSION_LEN = 17 };
enum asset {
	OPENAPI,
	CONSOLE,
	DOCS,
	DOCS_SCRIPT,
	DOCS_STYLE,
	PLOT_SCRIPT,
	PLOT_STYLE,
#define CONSOLE_FILE(symbol, name, type) CONSOLE_##symbol,
#include "api/console/files.def"
#undef CONSOLE_FILE
	ASSETS
};

/* What GET /assets/{version}/{file} serves. */
static const struct {
	const char *name;
	enum asset which;
} asset_files[] = {
    {"swagger-ui-bundle.js", DOCS_SCRIPT},
    {"swagger-ui.css", DOCS_STYLE},
    {"uPlot.js", PLOT_SCRIPT},
    {"uPlot.css", PLOT_STYLE},
#define CONSOLE_FILE(symbol, name, type) {name, CONSOLE_##symbol},
#include "api/console/files.def"
#undef CONSOLE_FILE
};
enum { ASSET_FILES = sizeof asset_files / sizeof asset_files[0] };

/* "no-cache": a client may keep it, but must revalidate it with its ETag. */
#define REVALIDATED "no-cache"
/* The URL changes if the bytes change. */
#define KEPT "public, max-age=31536000, immutable"

/* Where the pages name a file: the `@` becomes the version. */
#define PLACE "/assets/@/"

/* The bytes in one encoding. */
struct form {
	struct MHD_Response *whole, *unchanged; /* NULL: none */
	/* The same with `Connection: close`, for a drain. */
	struct MHD_Response *last_whole, *last_unchanged;
	const char *data; /* `whole` owns it */
	size_t len;
	char etag[TAG_LEN];
};

struct assets {
	const struct cors_header *always; /* headers of all; while making */
	size_t nalways;
	/* A hash of all files: a file that imports another one by its name gets
	 * the one that it was made with. */
	char version[VERSION_LEN];
	/* `gzip` has no responses if it would not be shorter. */
	struct item {
		struct form plain, gzip;
	} items[ASSETS];
	/* Of OPENAPI, the item that is served: another thread may replace it.
	 * Requests may still use a former one, so all are kept. */
	_Atomic(struct item *) openapi;
	struct item **renewed;
	size_t nrenewed;
	/* The thread that makes the next one, which takes long: the main loop
	 * must not stand still. */
	pthread_t renewer;
	bool renewing;
};

/* --- making -------------------------------------------------------------- */

/* What an asset is, besides its bytes. */
struct about {
	const char *type, *cache;
};

static void assets_describe(const struct assets *a,
    struct MHD_Response *response, const char *etag, const char *cache)
{
	MHD_add_response_header(response, MHD_HTTP_HEADER_ETAG, etag);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, cache);
	MHD_add_response_header(
	    response, MHD_HTTP_HEADER_VARY, MHD_HTTP_HEADER_ACCEPT_ENCODING);
	for (size_t i = 0; i < a->nalways; i++)
		MHD_add_response_header(
		    response, a->always[i].name, a->always[i].value);
}

/* `body` is empty afterwards. `coding`: NULL for the bytes as they are. */
static void make_form(const struct assets *a, struct form *form,
    struct buf *body, const struct about *about, const char *coding)
{
	size_t len;
	char *data = buf_take(body, &len);
	/* It is shared and never freed, so it does not count for a client. */
	struct MHD_Response *whole =
	    MHD_create_response_from_buffer(len, data, MHD_RESPMEM_MUST_FREE);
	http_head_type(whole, about->type);
	assets_describe(a, whole, form->etag, about->cache);
	if (coding)
		MHD_add_response_header(
		    whole, MHD_HTTP_HEADER_CONTENT_ENCODING, coding);
	form->whole = whole;
	form->data = data;
	form->len = len;
	/* A 304 has the length of the body that it does not send (RFC 9110,
	 * 8.6). Without a body, libmicrohttpd would send a length of 0. */
	struct MHD_Response *unchanged =
	    MHD_create_response_from_buffer(len, data, MHD_RESPMEM_PERSISTENT);
	http_head_type(unchanged, NULL);
	assets_describe(a, unchanged, form->etag, about->cache);
	form->unchanged = unchanged;
}

/* `body` is empty afterwards. */
static void assets_make(struct assets *a, struct item *item, struct buf *body,
    const struct about *about)
{
	struct buf packed = {0};
	uint64_t hash = XXH3_64bits(body->data, body->len);
	snprintf(item->plain.etag, TAG_LEN, "\"%016" PRIx64 "\"", hash);
	/* Each encoding is a representation with a tag of its own. */
	snprintf(item->gzip.etag, TAG_LEN, "\"%016" PRIx64 "-gz\"", hash);
	if (gzip_add(&packed, body->data, body->len))
		make_form(a, &item->gzip, &packed, about, "gzip");
	make_form(a, &item->plain, body, about, NULL);
}

static enum MHD_Result copy_header(
    void *arg, enum MHD_ValueKind kind, const char *name, const char *value)
{
	(void)kind;
	return MHD_add_response_header(arg, name, value);
}

static struct MHD_Response *assets_copy(
    const struct form *form, struct MHD_Response *response)
{
	/* libmicrohttpd does not change these bytes. */
	struct MHD_Response *copy = MHD_create_response_from_buffer(
	    form->len, (void *)(uintptr_t)form->data, MHD_RESPMEM_PERSISTENT);
	MHD_get_response_headers(response, copy_header, copy);
	return copy;
}

static struct MHD_Response *last_of(
    struct form *form, struct MHD_Response *response)
{
	struct MHD_Response *last = assets_copy(form, response);
	MHD_add_response_header(last, MHD_HTTP_HEADER_CONNECTION, "close");
	return last;
}

static void make_last(struct form *form)
{
	if (form->whole == NULL)
		return;
	form->last_whole = last_of(form, form->whole);
	form->last_unchanged = last_of(form, form->unchanged);
}

/* The files must be made: the pages name their version. */
static void make_version(struct assets *a)
{
	struct buf tags = {0};
	for (size_t i = 0; i < ASSET_FILES; i++)
		buf_str(&tags, a->items[asset_files[i].which].plain.etag);
	snprintf(a->version, VERSION_LEN, "%016" PRIx64,
	    XXH3_64bits(tags.data, tags.len));
	buf_free(&tags);
}

/* Appends a page, with the version in the places of its files. */
static void add_versioned(
    const struct assets *a, struct buf *out, const char *text)
{
	const char *place;
	while ((place = strstr(text, PLACE)) != NULL) {
		buf_add(out, text, (size_t)(place - text));
		buf_printf(out, "/assets/%s/", a->version);
		text = place + sizeof PLACE - 1;
	}
	buf_str(out, text);
}

static const char *hash_or_none(const char *hash, const char *more)
{
	if (hash)
		return hash;
	return *more ? "" : "'none'";
}

static void guard_page(struct MHD_Response *page, const char *policy)
{
	if (page == NULL)
		return;
	MHD_add_response_header(page, "Content-Security-Policy", policy);
	MHD_add_response_header(page, "Referrer-Policy", "no-referrer");
}

/* Makes a page. It may run its own scripts and what `more` allows. It may not
 * be framed, and it may send nothing to other origins. */
static void make_page(struct assets *a, enum asset which,
    const struct embedded *file, const char *more)
{
	struct buf body = {0}, policy = {0};
	add_versioned(a, &body, file->data);
	assets_make(
	    a, &a->items[which], &body, &(struct about){HTML, REVALIDATED});
	buf_printf(&policy,
	    "default-src 'none'; script-src %s%s; style-src %s%s; "
	    "connect-src 'self'; img-src 'self' data:; base-uri 'none'; "
	    "form-action 'none'; frame-ancestors 'none'",
	    more, hash_or_none(file->script_hash, more), more,
	    hash_or_none(file->style_hash, more));
	guard_page(a->items[which].plain.whole, policy.data);
	guard_page(a->items[which].gzip.whole, policy.data);
	buf_free(&policy);
}

/* --- the package --------------------------------------------------------- */

static bool assets_read_file(const char *dir, const char *name, struct buf *out)
{
	struct buf path = {0};
	char block[65536];
	size_t n;
	buf_printf(&path, "%s/%s", dir, name);
	FILE *f = fopen(path.data, "re");
	buf_free(&path);
	if (f == NULL)
		return false;
	while ((n = fread(block, 1, sizeof block, f)) > 0)
		buf_add(out, block, n);
	bool read = !ferror(f) && out->len > 0;
	fclose(f);
	return read;
}

static void make_file(
    struct assets *a, enum asset which, struct buf *bytes, const char *type)
{
	assets_make(a, &a->items[which], bytes, &(struct about){type, KEPT});
}

/* Makes a script and a style of the package. False: the folder does not have
 * both. */
static bool make_pair(struct assets *a, const char *dir, enum asset script,
    const char *script_name, enum asset style, const char *style_name)
{
	struct buf code = {0}, looks = {0};
	bool there = assets_read_file(dir, script_name, &code) &&
		     assets_read_file(dir, style_name, &looks);
	if (there) {
		make_file(a, script, &code, SCRIPT);
		make_file(a, style, &looks, STYLE);
	}
	buf_free(&code);
	buf_free(&looks);
	return there;
}

/* Without uPlot, the console shows numbers and no plots. */
static bool make_package(struct assets *a, const char *dir)
{
	make_pair(a, dir, PLOT_SCRIPT, "uPlot.iife.min.js", PLOT_STYLE,
	    "uPlot.min.css");
	return make_pair(a, dir, DOCS_SCRIPT, "swagger-ui-bundle.js",
	    DOCS_STYLE, "swagger-ui.css");
}

/* If docs.dir names a folder, the files must be there. False: there is no
 * Swagger UI. */
static bool find_package(struct assets *a, const char *dir)
{
	struct buf shipped = {0};
	datadir_folder(&shipped, "docs");
	bool named = *dir != '\0';
	bool found = make_package(a, named ? dir : shipped.data);
	if (!found && named)
		log_event(EV_DOCS_MISSING, "dir=%s", log_quote(dir));
	buf_free(&shipped);
	return found;
}

static void make_embedded(struct assets *a, enum asset which,
    const struct embedded *file, const char *type)
{
	struct buf body = {0};
	buf_add(&body, file->data, file->len);
	make_file(a, which, &body, type);
}

static void make_all(struct assets *a, const char *docs_dir)
{
#define CONSOLE_FILE(symbol, name, type)                                       \
	make_embedded(a, CONSOLE_##symbol, &symbol, type);
#include "api/console/files.def"
#undef CONSOLE_FILE
	bool docs = find_package(a, docs_dir);
	make_version(a);
	make_page(a, CONSOLE, &console_html, "'self' ");
	if (docs)
		make_page(a, DOCS, &docs_html, "'self' ");
	else
		make_page(a, DOCS, &nodocs_html, "");
}

/* ------------------------------------------------------------------------- */

static void make_openapi(
    struct assets *a, struct item *item, const struct router *routes)
{
	struct buf body = {0};
	openapi_write(routes, &body);
	assets_make(
	    a, item, &body, &(struct about){"application/json", REVALIDATED});
}

static void item_make_last(struct item *item)
{
	make_last(&item->plain);
	make_last(&item->gzip);
}

struct assets *assets_new(const char *docs_dir, const struct router *routes,
    const struct cors_header *headers, size_t n)
{
	struct assets *a = MEM_NEW(struct assets);
	a->always = headers;
	a->nalways = n;
	make_openapi(a, &a->items[OPENAPI], routes);
	atomic_init(&a->openapi, &a->items[OPENAPI]);
	make_all(a, docs_dir);
	for (int i = 0; i < ASSETS; i++)
		item_make_last(&a->items[i]);
	a->always = NULL;
	return a;
}

/* What the thread has for itself, that makes /openapi.json again. */
struct renewal {
	struct assets *assets;
	const struct router *routes;
	struct cors_header headers[CORS_HEADERS];
	size_t n;
};

static void *assets_make_again(void *arg)
{
	struct renewal *renewal = arg;
	struct assets *a = renewal->assets;
	struct assets making = {
	    .always = renewal->headers, .nalways = renewal->n};
	struct item *item = MEM_NEW(struct item);
	make_openapi(&making, item, renewal->routes);
	item_make_last(item);
	a->renewed =
	    mem_realloc(a->renewed, (a->nrenewed + 1) * sizeof(struct item *));
	a->renewed[a->nrenewed++] = item;
	atomic_store_explicit(&a->openapi, item, memory_order_release);
	free(renewal);
	return NULL;
}

static void await_renewal(struct assets *a)
{
	if (a->renewing)
		CHECK_OS(pthread_join(a->renewer, NULL));
	a->renewing = false;
}

void assets_renew(struct assets *a, const struct router *routes,
    const struct cors_header *headers, size_t n)
{
	struct renewal *renewal = MEM_NEW(struct renewal);
	CHECK(n <= CORS_HEADERS);
	*renewal = (struct renewal){.assets = a, .routes = routes, .n = n};
	memcpy(renewal->headers, headers, n * sizeof *headers);
	await_renewal(a);
	CHECK_OS(pthread_create(&a->renewer, NULL, assets_make_again, renewal));
	a->renewing = true;
}

static void form_free(struct form *form)
{
	if (form->whole == NULL)
		return;
	MHD_destroy_response(form->last_whole);
	MHD_destroy_response(form->last_unchanged);
	MHD_destroy_response(form->unchanged);
	MHD_destroy_response(form->whole);
}

static void item_free(struct item *item)
{
	form_free(&item->plain);
	form_free(&item->gzip);
}

void assets_free(struct assets **ap)
{
	struct assets *a = *ap;
	if (a == NULL)
		return;
	await_renewal(a);
	for (int i = 0; i < ASSETS; i++)
		item_free(&a->items[i]);
	for (size_t i = 0; i < a->nrenewed; i++) {
		item_free(a->renewed[i]);
		free(a->renewed[i]);
	}
	free(a->renewed);
	free(a);
	*ap = NULL;
}

/* --- answering ----------------------------------------------------------- */

/* Of a response whose headers depend on the request. Those of every answer are
 * there already. `kept`: the client may keep it as the asset says. */
static enum step_result assets_answer_own(
    struct request *r, const struct form *form, unsigned status, bool kept)
{
	struct MHD_Response *own =
	    assets_copy(form, status == 304 ? form->unchanged : form->whole);
	if (!kept) {
		MHD_del_response_header(
		    own, MHD_HTTP_HEADER_CACHE_CONTROL, KEPT);
		MHD_add_response_header(
		    own, MHD_HTTP_HEADER_CACHE_CONTROL, REVALIDATED);
	}
	guard_describe_own(r, own);
	if (r->thread->draining)
		MHD_add_response_header(
		    own, MHD_HTTP_HEADER_CONNECTION, "close");
	r->bytes = status == 304 ? 0 : (int64_t)form->len;
	enum step_result done = answer_shared(r, status, own);
	MHD_destroy_response(own);
	return done;
}

/* The form that the client takes. */
static const struct form *form_for(struct request *r, const struct item *item)
{
	struct buf list = {0};
	bool packed = item->gzip.whole != NULL &&
		      accept_codes(request_list(r,
				       MHD_HTTP_HEADER_ACCEPT_ENCODING, &list),
			  "gzip");
	buf_free(&list);
	return packed ? &item->gzip : &item->plain;
}

static const struct item *item_of(const struct assets *a, enum asset which)
{
	return which == OPENAPI
		   ? atomic_load_explicit(&a->openapi, memory_order_acquire)
		   : &a->items[which];
}

static enum step_result assets_answer(
    struct request *r, enum asset which, bool kept)
{
	const struct item *item = item_of(r->thread->instance->assets, which);
	bool last = r->thread->draining;
	struct buf list = {0};
	if (item->plain.whole == NULL)
		return answer_problem(r, PROBLEM_NOT_FOUND,
		    "The files of docs.dir are not installed.");
	const struct form *form = form_for(r, item);
	const char *known =
	    request_list(r, MHD_HTTP_HEADER_IF_NONE_MATCH, &list);
	bool same = known && etag_listed(known, form->etag, false);
	buf_free(&list);
	unsigned status = same ? 304 : 200;
	if (!kept || !guard_shares(r))
		return assets_answer_own(r, form, status, kept);
	if (same)
		return answer_shared(
		    r, status, last ? form->last_unchanged : form->unchanged);
	r->bytes = (int64_t)form->len;
	return answer_shared(r, status, last ? form->last_whole : form->whole);
}

enum step_result assets_openapi(struct request *r)
{
	return assets_answer(r, OPENAPI, true);
}

enum step_result assets_console(struct request *r)
{
	return assets_answer(r, CONSOLE, true);
}

enum step_result assets_docs(struct request *r)
{
	return assets_answer(r, DOCS, true);
}

/* The version of a page of another release is not ours. Its client gets our
 * file, too, but must not keep it under that name. */
static bool is_our_version(const struct request *r)
{
	const char *version = r->path + sizeof "/assets/" - 1;
	const char *ours = r->thread->instance->assets->version;
	return strncmp(version, ours, VERSION_LEN - 1) == 0 &&
	       version[VERSION_LEN - 1] == '/';
}

enum step_result assets_file(struct request *r)
{
	const char *name = strrchr(r->path, '/') + 1;
	for (size_t i = 0; i < ASSET_FILES; i++) {
		if (strcmp(asset_files[i].name, name) == 0)
			return assets_answer(
			    r, asset_files[i].which, is_our_version(r));
	}
	return answer_problem(r, PROBLEM_NOT_FOUND, "There is no such file.");
}
