#include "api/core/guard.h"

#include "api/access/rate_limit.h"
#include "api/core/answer.h"
#include "api/core/metrics.h"
#include "api/core/route.h"
#include "api/core/settings.h"
#include "common/base/check.h"
#include "common/base/mem.h"
#include "common/base/random.h"
#include "common/http/audit.h"
#include "common/http/http_head.h"
#include "common/http/httpd.h"
#include "common/http/listener.h"
#include "common/http/origin_check.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

struct guard {
	struct origin_rules rules;
	const char *origins; /* cors.origins */
	struct rate_limits limits;
	bool says_limits; /* limit.headers */
	uint64_t seed;	  /* of the hashes of callers */
};

/* --- start --------------------------------------------------------------- */

static struct err guard_add_limits(
    const struct config *c, size_t threads, struct rate_limits *out)
{
	struct err e = ERR_OK;
	const char *role, *value;
	for (size_t i = 0; e.kind == ERR_KIND_OK &&
			   (role = config_limit(c, i, &value)) != NULL;
	     i++)
		e = rate_limits_add(out, role, value, threads);
	return e;
}

struct err guard_check_limits(const struct config *c)
{
	struct rate_limits limits = {0};
	struct err e = guard_add_limits(c, 1, &limits);
	rate_limits_free(&limits);
	return e;
}

struct guard *guard_new(const struct config *c, size_t threads, bool required)
{
	struct guard *g = MEM_NEW(struct guard);
	const struct api_settings *s = c->settings;
	CHECK(guard_add_limits(c, threads, &g->limits).kind == ERR_KIND_OK);
	g->says_limits = strcmp(s->limit_headers, "on") == 0;
	g->seed = random_bits();
	g->origins = s->cors_origins;
	g->rules = (struct origin_rules){
	    .hosts = s->hosts,
	    .any_host = s->hosts[0] == '\0' &&
			(required || !listener_is_loopback(s->http_listen)),
	    .origins = s->cors_origins,
	    .foreign_reads = true,
	};
	return g;
}

void guard_free(struct guard **g)
{
	if (*g == NULL)
		return;
	rate_limits_free(&(*g)->limits);
	free(*g);
	*g = NULL;
}

struct rate_table *guard_table(const struct guard *g)
{
	enum { SETS = 4096 };
	return g->limits.n ? rate_table_new(SETS) : NULL;
}

size_t guard_always(const struct guard *g, struct cors_header out[CORS_HEADERS])
{
	return cors_always(g->origins, out);
}

static const struct guard *guard_of(const struct request *r)
{
	return r->thread->instance->guard;
}

/* --- the record ---------------------------------------------------------- */

static struct audit guard_record(struct request *r, unsigned status)
{
	const struct principal *p = r->principal;
	return (struct audit){
	    .subject = p ? principal_subject(p) : "",
	    .kind = principal_kind_name(p ? p->kind : PRINCIPAL_ANONYMOUS),
	    .key = p ? p->key : NULL,
	    .method = r->method,
	    .request = request_id(r),
	    .route = r->route ? r->route->head.pattern : NULL,
	    .c = r->connection,
	    .status = status,
	};
}

void guard_audit(struct request *r, unsigned status, const char *why)
{
	const struct audit a = guard_record(r, status);
	audit_refused(&a, why);
}

void guard_audit_act(struct request *r, unsigned status)
{
	const struct audit a = guard_record(r, status);
	audit_acted(&a);
}

/* --- pages --------------------------------------------------------------- */

static enum step_result guard_refuse(
    struct request *r, const char *why, const char *detail)
{
	metric_add(&r->thread->metrics->refused_pages, 1);
	guard_audit(r, 403, why);
	return answer_problem(r, PROBLEM_FORBIDDEN, detail);
}

enum step_result guard_head(struct request *r, const struct http_head *head)
{
	const struct origin_check g = {
	    .method = r->method,
	    .host = head->host,
	    .origin = head->origin,
	    .fetch_site = head->fetch_site,
	};
	switch (origin_check(&g, &guard_of(r)->rules)) {
	case ORIGIN_OK:
		return STEP_MORE;
	case ORIGIN_HOST:
		return guard_refuse(r, "host",
		    "The Host of a request must be an address, localhost, or a "
		    "name in the setting http.hosts.");
	case ORIGIN_FOREIGN:
		return guard_refuse(r, "origin",
		    "A page of another origin may change nothing, unless the "
		    "setting cors.origins has its origin.");
	case ORIGIN_UNMARKED:
		break;
	}
	UNREACHABLE("fault of an origin");
}

/* A browser adds a client certificate by itself, to the requests of any page.
 * `*` is for requests without one. */
enum step_result guard_principal(struct request *r)
{
	const struct origin_check g = {
	    .host = request_header(r, MHD_HTTP_HEADER_HOST),
	    .origin = r->origin,
	};
	if (r->principal == NULL ||
	    r->principal->kind != PRINCIPAL_CERTIFICATE || r->origin == NULL ||
	    !origin_check_is_foreign(&g) ||
	    !cors_shares(guard_of(r)->origins, r->origin))
		return STEP_MORE;
	return guard_refuse(r, "origin",
	    "A page of another origin may use a client certificate only if the "
	    "setting cors.origins names its origin.");
}

/* --- limits -------------------------------------------------------------- */

static bool guard_is_anonymous(const struct request *r)
{
	return r->principal == NULL ||
	       r->principal->kind == PRINCIPAL_ANONYMOUS;
}

/* The same subject is the same caller, however it shows who it is. */
static XXH128_hash_t guard_caller(const struct request *r)
{
	const char *subject = principal_subject(r->principal);
	return XXH3_128bits_withSeed(
	    subject, strlen(subject), guard_of(r)->seed);
}

/* False: an address without a limit (http.proxies). */
static bool guard_key(const struct request *r, struct rate_key *out)
{
	XXH128_hash_t hash;
	if (guard_is_anonymous(r)) {
		const struct client *c = httpd_client(r->connection);
		if (c == NULL)
			return false;
		const struct client_key key = client_address(c);
		hash = XXH3_128bits_withSeed(
		    key.bytes, sizeof key.bytes, ~guard_of(r)->seed);
	} else {
		hash = guard_caller(r);
	}
	*out = (struct rate_key){hash.low64, hash.high64};
	return true;
}

static enum step_result guard_limited(
    struct request *r, const struct rate_limit *limit, int64_t retry_s)
{
	struct buf detail = {0};
	metric_add(&r->thread->metrics->rate_limited, 1);
	guard_audit(r, 429, "limit");
	buf_printf(&detail,
	    "The setting limit.%s says how many requests %s may send.",
	    limit->role,
	    guard_is_anonymous(r) ? "an address" : "a caller of this role");
	enum step_result done = answer_retry(
	    r, PROBLEM_RATE_LIMITED, detail.data, (unsigned)retry_s);
	buf_free(&detail);
	return done;
}

enum step_result guard_limit(struct request *r)
{
	const struct guard *g = guard_of(r);
	struct rate_key key;
	if (g->limits.n == 0 || r->route->head.verb == VERB_health)
		return STEP_MORE;
	const struct rate_limit *limit = rate_limits_of(&g->limits,
	    r->principal ? r->principal->roles : 0, guard_is_anonymous(r));
	if (limit == NULL || !guard_key(r, &key))
		return STEP_MORE;
	struct rate_answer a =
	    rate_table_take(r->thread->rates, key, limit, r->started);
	r->rate = (struct rate_state){limit, a.remaining, a.reset_s};
	return a.allowed ? STEP_MORE : guard_limited(r, limit, a.retry_s);
}

bool guard_take(struct request *r, enum client_kind kind)
{
	struct client_key key;
	if (guard_is_anonymous(r)) {
		r->share = httpd_client(r->connection);
		return client_take(r->share, kind);
	}
	XXH128_canonical_t bytes;
	XXH128_canonicalFromHash(&bytes, guard_caller(r));
	memcpy(key.bytes, bytes.digest, sizeof key.bytes);
	return clients_take_for(
	    r->thread->instance->clients, &key, kind, &r->share);
}

void guard_give(struct request *r, enum client_kind kind)
{
	client_give(r->share, kind);
}

/* draft-ietf-httpapi-ratelimit-headers-10, 3 */
static void guard_say_limit(
    const struct request *r, struct MHD_Response *response)
{
	const struct rate_limit *limit = r->rate.limit;
	struct buf text = {0};
	buf_printf(&text, "\"%s\";q=%" PRId64 ";w=%" PRId64, limit->role,
	    limit->rate.count, limit->rate.per / CLOCK_S(1));
	MHD_add_response_header(response, "RateLimit-Policy", text.data);
	buf_free(&text);
	buf_printf(&text, "\"%s\";r=%" PRId64 ";t=%" PRId64, limit->role,
	    r->rate.remaining, r->rate.reset_s);
	MHD_add_response_header(response, "RateLimit", text.data);
	buf_free(&text);
}

/* --- answers ------------------------------------------------------------- */

static void guard_add(
    struct MHD_Response *response, const struct cors_header *headers, size_t n)
{
	for (size_t i = 0; i < n; i++)
		MHD_add_response_header(
		    response, headers[i].name, headers[i].value);
}

enum step_result guard_options(struct request *r, const char *methods)
{
	struct cors_header headers[CORS_HEADERS];
	struct MHD_Response *response =
	    MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
	MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, methods);
	if (request_header(r, "Access-Control-Request-Method"))
		guard_add(response, headers,
		    cors_preflight(
			guard_of(r)->origins, r->origin, methods, headers));
	return answer_queue(r, 204, response);
}

void guard_describe_own(const struct request *r, struct MHD_Response *response)
{
	struct cors_header headers[CORS_HEADERS];
	guard_add(response, headers,
	    cors_for(guard_of(r)->origins, r->origin, headers));
}

void guard_describe(const struct request *r, struct MHD_Response *response)
{
	struct cors_header headers[CORS_HEADERS];
	const char *origins = guard_of(r)->origins;
	guard_add(response, headers, cors_always(origins, headers));
	guard_describe_own(r, response);
	if (r->rate.limit && guard_of(r)->says_limits)
		guard_say_limit(r, response);
}

bool guard_shares(const struct request *r)
{
	return cors_shares(guard_of(r)->origins, r->origin);
}
