#include "api/service/assets.h"

#include "api/core/answer.h"
#include "api/core/guard.h"
#include "api/http/prefer.h"
#include "api/openapi/embedded.h"
#include "api/openapi/openapi.h"
#include "common/base/datadir.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/http/http_head.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#define HTML "text/html; charset=utf-8"
#define SCRIPT "text/javascript; charset=utf-8"
#define STYLE "text/css; charset=utf-8"

enum { TAG_LEN = 24 };
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

/* What GET /console/{file} serves. */
static const struct {
	const char *name;
	enum asset which;
} console_files[] = {
    {"uPlot.js", PLOT_SCRIPT},
    {"uPlot.css", PLOT_STYLE},
#define CONSOLE_FILE(symbol, name, type) {name, CONSOLE_##symbol},
#include "api/console/files.def"
#undef CONSOLE_FILE
};

struct assets {
	const struct cors_header *always; /* headers of all; while making */
	size_t nalways;
	struct item {
		struct MHD_Response *whole, *unchanged; /* NULL: none */
		/* The same with `Connection: close`, for a drain. */
		struct MHD_Response *last_whole, *last_unchanged;
		const char *data; /* `whole` owns it */
		size_t len;
		char etag[TAG_LEN];
	} items[ASSETS];
};

/* --- making -------------------------------------------------------------- */

/* `no-cache`: a client may keep it, but must revalidate it with its ETag. */
static void assets_describe(const struct assets *a,
    struct MHD_Response *response, const char *type, const char *etag)
{
	http_head_type(response, type);
	MHD_add_response_header(response, MHD_HTTP_HEADER_ETAG, etag);
	MHD_add_response_header(
	    response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-cache");
	for (size_t i = 0; i < a->nalways; i++)
		MHD_add_response_header(
		    response, a->always[i].name, a->always[i].value);
}

/* `body` is empty afterwards. */
static struct MHD_Response *assets_make(
    struct assets *a, enum asset which, struct buf *body, const char *type)
{
	struct item *item = &a->items[which];
	char *etag = item->etag;
	snprintf(etag, TAG_LEN, "\"%016" PRIx64 "\"",
	    XXH3_64bits(body->data, body->len));
	size_t len;
	char *data = buf_take(body, &len);
	/* It is shared and never freed, so it does not count for a client. */
	struct MHD_Response *whole =
	    MHD_create_response_from_buffer(len, data, MHD_RESPMEM_MUST_FREE);
	assets_describe(a, whole, type, etag);
	item->whole = whole;
	item->data = data;
	item->len = len;
	/* A 304 has the length of the body that it does not send (RFC 9110,
	 * 8.6). Without a body, libmicrohttpd would send a length of 0. */
	struct MHD_Response *unchanged =
	    MHD_create_response_from_buffer(len, data, MHD_RESPMEM_PERSISTENT);
	assets_describe(a, unchanged, NULL, etag);
	item->unchanged = unchanged;
	return whole;
}

static enum MHD_Result copy_header(
    void *arg, enum MHD_ValueKind kind, const char *name, const char *value)
{
	(void)kind;
	return MHD_add_response_header(arg, name, value);
}

static struct MHD_Response *assets_copy(
    const struct item *item, struct MHD_Response *response)
{
	/* libmicrohttpd does not change these bytes. */
	struct MHD_Response *copy = MHD_create_response_from_buffer(
	    item->len, (void *)(uintptr_t)item->data, MHD_RESPMEM_PERSISTENT);
	MHD_get_response_headers(response, copy_header, copy);
	return copy;
}

static struct MHD_Response *last_of(
    struct item *item, struct MHD_Response *response)
{
	struct MHD_Response *last = assets_copy(item, response);
	MHD_add_response_header(last, MHD_HTTP_HEADER_CONNECTION, "close");
	return last;
}

static void make_last(struct item *item)
{
	item->last_whole = last_of(item, item->whole);
	item->last_unchanged = last_of(item, item->unchanged);
}

static const char *hash_or_none(const char *hash, const char *more)
{
	if (hash)
		return hash;
	return *more ? "" : "'none'";
}

/* Makes a page. It may run its own scripts and what `more` allows. It may not
 * be framed, and it may send nothing to other origins. */
static void make_page(struct assets *a, enum asset which,
    const struct embedded *file, const char *more)
{
	struct buf body = {0}, policy = {0};
	buf_add(&body, file->data, file->len);
	struct MHD_Response *page = assets_make(a, which, &body, HTML);
	buf_printf(&policy,
	    "default-src 'none'; script-src %s%s; style-src %s%s; "
	    "connect-src 'self'; img-src 'self' data:; base-uri 'none'; "
	    "form-action 'none'; frame-ancestors 'none'",
	    more, hash_or_none(file->script_hash, more), more,
	    hash_or_none(file->style_hash, more));
	MHD_add_response_header(page, "Content-Security-Policy", policy.data);
	MHD_add_response_header(page, "Referrer-Policy", "no-referrer");
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

/* Makes a script and a style of the package. False: the folder does not have
 * both. */
static bool make_pair(struct assets *a, const char *dir, enum asset script,
    const char *script_name, enum asset style, const char *style_name)
{
	struct buf code = {0}, looks = {0};
	bool there = assets_read_file(dir, script_name, &code) &&
		     assets_read_file(dir, style_name, &looks);
	if (there) {
		assets_make(a, script, &code, SCRIPT);
		assets_make(a, style, &looks, STYLE);
	}
	buf_free(&code);
	buf_free(&looks);
	return there;
}

/* Without uPlot, the console shows numbers and no plots. */
static bool make_docs(struct assets *a, const char *dir)
{
	make_pair(a, dir, PLOT_SCRIPT, "uPlot.iife.min.js", PLOT_STYLE,
	    "uPlot.min.css");
	if (!make_pair(a, dir, DOCS_SCRIPT, "swagger-ui-bundle.js", DOCS_STYLE,
		"swagger-ui.css"))
		return false;
	make_page(a, DOCS, &docs_html, "'self' ");
	return true;
}

/* If docs.dir names a folder, the files must be there. */
static void find_docs(struct assets *a, const char *dir)
{
	struct buf shipped = {0};
	datadir_folder(&shipped, "docs");
	bool named = *dir != '\0';
	if (make_docs(a, named ? dir : shipped.data)) {
		buf_free(&shipped);
		return;
	}
	if (named)
		log_event(EV_DOCS_MISSING, "dir=%s", log_quote(dir));
	make_page(a, DOCS, &nodocs_html, "");
	buf_free(&shipped);
}

static void make_file(struct assets *a, enum asset which,
    const struct embedded *file, const char *type)
{
	struct buf body = {0};
	buf_add(&body, file->data, file->len);
	assets_make(a, which, &body, type);
}

static void make_console(struct assets *a)
{
	make_page(a, CONSOLE, &console_html, "'self' ");
#define CONSOLE_FILE(symbol, name, type)                                       \
	make_file(a, CONSOLE_##symbol, &symbol, type);
#include "api/console/files.def"
#undef CONSOLE_FILE
}

/* ------------------------------------------------------------------------- */

struct assets *assets_new(const char *docs_dir, const struct router *routes,
    const struct cors_header *headers, size_t n)
{
	struct assets *a = MEM_NEW(struct assets);
	a->always = headers;
	a->nalways = n;
	struct buf body = {0};
	openapi_write(routes, &body);
	assets_make(a, OPENAPI, &body, "application/json");
	make_console(a);
	find_docs(a, docs_dir);
	for (int i = 0; i < ASSETS; i++) {
		if (a->items[i].whole)
			make_last(&a->items[i]);
	}
	a->always = NULL;
	return a;
}

void assets_free(struct assets **ap)
{
	struct assets *a = *ap;
	if (a == NULL)
		return;
	for (int i = 0; i < ASSETS; i++) {
		if (a->items[i].whole == NULL)
			continue;
		MHD_destroy_response(a->items[i].last_whole);
		MHD_destroy_response(a->items[i].last_unchanged);
		MHD_destroy_response(a->items[i].whole);
		MHD_destroy_response(a->items[i].unchanged);
	}
	free(a);
	*ap = NULL;
}

/* Of a response whose headers depend on the origin of the page that asks. Those
 * of every answer are there already. */
static enum step_result assets_answer_own(
    struct request *r, const struct item *item, unsigned status)
{
	struct MHD_Response *own =
	    assets_copy(item, status == 304 ? item->unchanged : item->whole);
	guard_describe_own(r, own);
	if (r->thread->draining)
		MHD_add_response_header(
		    own, MHD_HTTP_HEADER_CONNECTION, "close");
	r->bytes = status == 304 ? 0 : (int64_t)item->len;
	enum step_result done = answer_shared(r, status, own);
	MHD_destroy_response(own);
	return done;
}

static enum step_result assets_answer(struct request *r, enum asset which)
{
	const struct item *item = &r->thread->instance->assets->items[which];
	bool last = r->thread->draining;
	struct buf list = {0};
	if (item->whole == NULL)
		return answer_problem(r, PROBLEM_NOT_FOUND,
		    "The files of docs.dir are not installed.");
	const char *known =
	    request_list(r, MHD_HTTP_HEADER_IF_NONE_MATCH, &list);
	bool same = known && etag_listed(known, item->etag, false);
	buf_free(&list);
	unsigned status = same ? 304 : 200;
	if (!guard_shares(r))
		return assets_answer_own(r, item, status);
	if (same)
		return answer_shared(
		    r, status, last ? item->last_unchanged : item->unchanged);
	r->bytes = (int64_t)item->len;
	return answer_shared(r, status, last ? item->last_whole : item->whole);
}

enum step_result assets_openapi(struct request *r)
{
	return assets_answer(r, OPENAPI);
}

enum step_result assets_console(struct request *r)
{
	return assets_answer(r, CONSOLE);
}

enum step_result assets_console_file(struct request *r)
{
	const char *name = strrchr(r->path, '/') + 1;
	for (size_t i = 0; i < sizeof console_files / sizeof console_files[0];
	     i++) {
		if (strcmp(console_files[i].name, name) == 0)
			return assets_answer(r, console_files[i].which);
	}
	return answer_problem(
	    r, PROBLEM_NOT_FOUND, "The console has no such file.");
}

enum step_result assets_docs(struct request *r)
{
	return assets_answer(r, DOCS);
}

enum step_result assets_docs_script(struct request *r)
{
	return assets_answer(r, DOCS_SCRIPT);
}

enum step_result assets_docs_style(struct request *r)
{
	return assets_answer(r, DOCS_STYLE);
}
