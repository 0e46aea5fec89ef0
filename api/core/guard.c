#include "api/core/guard.h"

#include "api/core/answer.h"
#include "api/core/metrics.h"
#include "api/core/route.h"
#include "api/core/settings.h"
#include "common/base/check.h"
#include "common/base/mem.h"
#include "common/http/audit.h"
#include "common/http/http_head.h"
#include "common/http/listener.h"
#include "common/http/origin_check.h"

#include <stdlib.h>
#include <string.h>

struct guard {
	struct origin_rules rules;
	const char *origins; /* cors.origins */
};

struct guard *guard_new(const struct api_settings *s, bool required)
{
	struct guard *g = MEM_NEW(struct guard);
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
	free(*g);
	*g = NULL;
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

static struct audit guard_record(const struct request *r, unsigned status)
{
	const struct principal *p = r->principal;
	return (struct audit){
	    .subject = p ? principal_subject(p) : "",
	    .kind = principal_kind_name(p ? p->kind : PRINCIPAL_ANONYMOUS),
	    .method = r->method,
	    .route = r->route ? r->route->head.pattern : NULL,
	    .c = r->connection,
	    .status = status,
	};
}

void guard_audit(const struct request *r, unsigned status, const char *why)
{
	const struct audit a = guard_record(r, status);
	audit_refused(&a, why);
}

void guard_audit_act(const struct request *r, unsigned status)
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
}

bool guard_shares(const struct request *r)
{
	return cors_shares(guard_of(r)->origins, r->origin);
}
