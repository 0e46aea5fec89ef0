#include "common/daemon/admin.h"

#include "common/base/check.h"
#include "common/base/mem.h"
#include "common/daemon/admin_token.h"
#include "common/daemon/build_info.h"
#include "common/daemon/process.h"
#include "common/daemon/reload.h"
#include "common/http/audit.h"
#include "common/http/httpd.h"
#include "common/http/origin_check.h"
#include "common/http/request_id.h"
#include "common/net/renewal.h"

#include <stdlib.h>
#include <string.h>

/* Who lists it gets it: Prometheus prefers it, if it keeps exemplars. */
#define OPENMETRICS "application/openmetrics-text"

enum { MAX_CONNECTIONS = 64, MAX_BODY = 16 << 20 };

struct admin {
	struct admin_options o;
	struct httpd *httpd;
	struct tls_server *tls; /* NULL: without TLS */
};

struct answer {
	bool open; /* /metrics: as OpenMetrics */
	unsigned status;
	const char *type;
	struct buf body;
};

/* A route of the listener itself: a row of a router. */
struct own_route {
	struct route_head head; /* first */
	void (*answer)(struct admin *a, struct answer *out);
};

struct request {
	struct admin_exchange x; /* first: daemons have a pointer to it */
	struct admin *admin;
	struct MHD_Connection *c;
	const char *method;
	struct path path;
	char id[REQUEST_ID_MAX + 1];
	struct buf body;
	const struct http_head_fault *fault; /* refused by its head */
	/* One of these two is set, unless the request is refused. */
	const struct own_route *own;
	const struct admin_route *route;
	bool suspended;
	bool answered;
	bool forbidden;
	struct answer answer;
};

static void livez(struct admin *a, struct answer *out)
{
	(void)a;
	buf_str(&out->body, "ok\n");
}

static void readyz(struct admin *a, struct answer *out)
{
	if (a->o.ready(a->o.arg, &out->body))
		buf_str(&out->body, "ready\n");
	else
		out->status = 503;
	reload_notes(a->o.reload, &out->body);
}

static void metrics(struct admin *a, struct answer *out)
{
	const struct metrics_open *open = out->open ? &a->o.open : NULL;
	if (a->o.refresh)
		a->o.refresh(a->o.arg);
	out->type = open ? OPENMETRICS "; version=1.0.0; charset=utf-8"
			 : "text/plain; version=0.0.4; charset=utf-8";
	metrics_render(&out->body, open, a->o.rows, a->o.nrows, a->o.instances,
	    a->o.ninstances);
	if (a->o.each)
		metrics_render_each(&out->body, open, a->o.each);
	process_metrics(&out->body, open);
	if (open)
		buf_str(&out->body, "# EOF\n");
}

static void admin_stats(struct admin *a, struct answer *out)
{
	out->type = "application/json";
	a->o.stats(a->o.arg, &out->body);
}

static void config(struct admin *a, struct answer *out)
{
	out->type = "application/json";
	config_json(a->o.config, &out->body);
}

static void admin_version(struct admin *a, struct answer *out)
{
	(void)a;
	out->type = "application/json";
	build_info_json(&out->body);
}

static const struct own_route own_rows[] = {
    {ROUTE_HEAD(GET, "/livez", health), livez},
    {ROUTE_HEAD(GET, "/readyz", health), readyz},
    {ROUTE_HEAD(GET, "/metrics", metrics), metrics},
    {ROUTE_HEAD(GET, "/stats", stats), admin_stats},
    {ROUTE_HEAD(GET, "/config", operate), config},
    {ROUTE_HEAD(GET, "/version", stats), admin_version},
};
static const struct router own_routes = ROUTER(own_rows, NULL);

/* --- the head ------------------------------------------------------------ */

static const struct http_head_fault *admin_judge(const struct http_head *head)
{
	if (head->length != HTTP_HEAD_UNKNOWN && head->length > MAX_BODY)
		return &http_head_too_large;
	return head->length > 0 && head->encoded ? &http_head_encoded : NULL;
}

static void admin_nothing(struct answer *out)
{
	out->status = 404;
	for (size_t i = 0; i < own_routes.nrows; i++)
		buf_printf(&out->body, "%s\n", own_rows[i].head.pattern);
}

static const char *header(const struct request *r, const char *name)
{
	return MHD_lookup_connection_value(r->c, MHD_HEADER_KIND, name);
}

static bool wants_openmetrics(const struct request *r)
{
	const char *accept = header(r, MHD_HTTP_HEADER_ACCEPT);
	return accept && strcasestr(accept, OPENMETRICS) != NULL;
}

static void admin_take_id(struct request *r, const char *given)
{
	if (given && request_id_is_valid(given))
		strcpy(r->id, given);
	else
		request_id_make(r->id);
}

/* --- who may ask --------------------------------------------------------- */

static const char *admin_fault(enum origin_fault fault)
{
	switch (fault) {
	case ORIGIN_OK:
		return NULL;
	case ORIGIN_HOST:
		return "The Host of a request must be an address, localhost, "
		       "or a name in the setting admin.hosts.";
	case ORIGIN_FOREIGN:
		return "Requests from pages of another origin are rejected.";
	case ORIGIN_UNMARKED:
		return "A request that changes something needs the "
		       "header " ORIGIN_CHECK_HEADER
		       ", with any value, or a JSON body with "
		       "its Content-Type.";
	}
	UNREACHABLE("fault of an origin");
}

static const char *admin_fault_word(enum origin_fault fault)
{
	static const char *const words[] = {
	    [ORIGIN_OK] = "",
	    [ORIGIN_HOST] = "host",
	    [ORIGIN_FOREIGN] = "origin",
	    [ORIGIN_UNMARKED] = "mark",
	};
	return words[fault];
}

static const char *admin_pattern(const struct request *r)
{
	return r->own	  ? r->own->head.pattern
	       : r->route ? r->route->head.pattern
			  : NULL;
}

static struct audit admin_record(const struct request *r, unsigned status)
{
	const struct common_settings *s = r->admin->o.config->settings;
	return (struct audit){
	    .subject = "",
	    .kind = *s->admin_token ? "admin.token" : "none",
	    .method = r->method,
	    .request = r->id,
	    .route = admin_pattern(r),
	    .c = r->c,
	    .status = status,
	};
}

/* Makes the answer; `why`: for the record. */
static void admin_forbid(struct request *r, unsigned status, const char *type,
    const char *title, const char *detail, const char *why)
{
	struct audit a = admin_record(r, status);
	r->answer.status = status;
	r->answer.type = "application/problem+json";
	buf_printf(&r->answer.body,
	    "{\"type\":\"urn:sluice:problem:%s\",\"title\":\"%s\","
	    "\"status\":%u,\"detail\":\"%s\",\"request_id\":\"%s\"}\n",
	    type, title, status, detail, r->id);
	a.kind = "none";
	r->forbidden = true;
	audit_refused(&a, why);
}

/* Is the token needed, and not shown? Whether the instance lives is no secret,
 * and whether its metrics are, a setting says. */
static bool admin_lacks_token(struct request *r)
{
	const struct common_settings *s = r->admin->o.config->settings;
	bool health = r->own && r->own->head.verb == VERB_health;
	bool numbers = r->own && r->own->head.verb == VERB_metrics &&
		       strcmp(s->admin_metrics, "open") == 0;
	if (*s->admin_token == '\0' || health || numbers)
		return false;
	char *token = renewal_of(s->admin_token);
	bool shown = admin_token_is_shown(
	    header(r, MHD_HTTP_HEADER_AUTHORIZATION), token);
	free(token);
	if (!shown)
		admin_forbid(r, 401, "unauthenticated",
		    "A valid credential is required",
		    "Send the token of the setting admin.token: "
		    "Authorization: Bearer ...",
		    "token");
	return !shown;
}

/* A foreign page in an operator's browser may send requests, too. */
static bool admin_refused(struct request *r)
{
	const struct common_settings *s = r->admin->o.config->settings;
	const struct origin_check g = {
	    .method = r->method,
	    .host = header(r, MHD_HTTP_HEADER_HOST),
	    .origin = header(r, "Origin"),
	    .fetch_site = header(r, "Sec-Fetch-Site"),
	    .content_type = header(r, MHD_HTTP_HEADER_CONTENT_TYPE),
	    .mark = header(r, ORIGIN_CHECK_HEADER),
	};
	const struct origin_rules rules = {
	    .hosts = s->admin_hosts, .needs_mark = true};
	enum origin_fault fault = origin_check(&g, &rules);
	if (fault == ORIGIN_OK)
		return false;
	admin_forbid(r, 403, "forbidden", "This is not allowed here",
	    admin_fault(fault), admin_fault_word(fault));
	return true;
}

/* Finds the route. False: the request is refused, and r->answer is set. */
static bool admin_match(struct request *r)
{
	const struct router *more = r->admin->o.routes;
	struct buf methods = {0};
	r->own = router_find(&own_routes, r->method, &r->path, &methods);
	bool has_others = r->own == NULL && methods.len > 0;
	if (r->own == NULL && !has_others && more)
		r->route = router_find(more, r->method, &r->path, &methods);
	buf_free(&methods);
	if (admin_refused(r) || admin_lacks_token(r))
		return false;
	if (has_others) {
		r->answer.status = 405;
		buf_str(&r->answer.body, "method not allowed\n");
	} else if (r->own == NULL && r->route == NULL) {
		admin_nothing(&r->answer);
	}
	return r->own || r->route;
}

static void *admin_begin(void *arg, struct MHD_Connection *c,
    const char *method, const char *path, const struct http_head *head,
    bool *refused)
{
	struct request *r = MEM_NEW(struct request);
	r->admin = arg;
	r->c = c;
	r->method = method;
	admin_take_id(r, head->request_id);
	r->answer =
	    (struct answer){.status = 200, .type = "text/plain; charset=utf-8"};
	r->fault = admin_judge(head);
	if (!path_parse(path, &r->path))
		r->path.n = PATH_SEGMENTS + 1; /* no route matches */
	if (r->fault == NULL)
		r->answered = !admin_match(r);
	/* The listener's own routes read no body. */
	*refused = r->fault || r->answered || r->own;
	return r;
}

static enum httpd_body admin_body(
    void *request, const char *data, size_t len, size_t *taken)
{
	struct request *r = request;
	*taken = len;
	if (r->body.len + len > MAX_BODY)
		return HTTPD_LARGE;
	buf_add(&r->body, data, len);
	return HTTPD_TAKEN;
}

/* --- answers ------------------------------------------------------------- */

/* False: a daemon has the request, and answers it later. */
static bool admin_start(struct request *r)
{
	if (r->own) {
		r->answer.open = wants_openmetrics(r);
		r->own->answer(r->admin, &r->answer);
		return true;
	}
	r->x.body = r->body.data ? r->body.data : "";
	r->x.body_len = r->body.len;
	r->route->start(r->admin->o.routes_arg, &r->x);
	return r->answered;
}

const char *admin_argument(const struct admin_exchange *x, const char *name)
{
	const struct request *r = (const struct request *)x;
	return MHD_lookup_connection_value(r->c, MHD_GET_ARGUMENT_KIND, name);
}

const struct path_segment *admin_segment(
    const struct admin_exchange *x, const char *name)
{
	const struct request *r = (const struct request *)x;
	return router_value(&r->route->head, &r->path, name);
}

const char *admin_request_id(const struct admin_exchange *x)
{
	return ((const struct request *)x)->id;
}

static void admin_answered(struct request *r)
{
	r->answered = true;
	if (r->suspended)
		httpd_resume(r->admin->httpd, r->c);
}

void admin_answer(struct admin_exchange *x, unsigned status, struct buf *body)
{
	struct request *r = (struct request *)x;
	r->answer.status = status;
	r->answer.type = "application/json";
	r->answer.body = *body;
	*body = (struct buf){0};
	admin_answered(r);
}

void admin_not_found(struct admin_exchange *x)
{
	struct request *r = (struct request *)x;
	admin_nothing(&r->answer);
	admin_answered(r);
}

static enum MHD_Result admin_refuse(struct request *r)
{
	struct MHD_Response *response = http_head_response(r->fault);
	enum MHD_Result rc =
	    MHD_queue_response(r->c, r->fault->status, response);
	MHD_destroy_response(response);
	return rc;
}

static enum MHD_Result queue(struct request *r)
{
	size_t len;
	struct answer *a = &r->answer;
	char *text = buf_take(&a->body, &len);
	struct MHD_Response *response =
	    MHD_create_response_from_buffer(len, text, MHD_RESPMEM_MUST_FREE);
	http_head_type(response, a->type);
	if (r->route && !origin_check_reads(r->method) && !r->forbidden) {
		const struct audit record = admin_record(r, a->status);
		audit_acted(&record);
	}
	MHD_add_response_header(response, REQUEST_ID_HEADER, r->id);
	if (a->status == 401)
		MHD_add_response_header(response,
		    MHD_HTTP_HEADER_WWW_AUTHENTICATE,
		    "Bearer realm=\"sluice-admin\"");
	if (a->status == 405)
		MHD_add_response_header(
		    response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	enum MHD_Result rc = MHD_queue_response(r->c, a->status, response);
	MHD_destroy_response(response);
	return rc;
}

static enum MHD_Result admin_run(void *request)
{
	struct request *r = request;
	if (r->fault)
		return admin_refuse(r);
	if (r->answered || admin_start(r))
		return queue(r);
	r->suspended = true;
	MHD_suspend_connection(r->c);
	return MHD_YES;
}

static void admin_end(void *request)
{
	struct request *r = request;
	buf_free(&r->body);
	buf_free(&r->answer.body);
	path_free(&r->path);
	free(r);
}

struct tls_server_options admin_tls(const struct common_settings *s)
{
	return (struct tls_server_options){
	    .name = "admin.tls",
	    .cert = s->admin_tls_cert,
	    .key = s->admin_tls_key,
	    .client_ca = s->admin_tls_client_ca,
	};
}

static struct err admin_encrypt(struct admin *a)
{
	bool wanted;
	const struct tls_server_options o = admin_tls(a->o.config->settings);
	struct err e = tls_server_check(&o, &wanted);
	if (e.kind != ERR_KIND_OK || !wanted)
		return e;
	e = tls_server_new(&o, &a->tls);
	if (e.kind == ERR_KIND_OK)
		reload_add(a->o.reload, "admin.tls", tls_server_reload, a->tls);
	return e;
}

struct err admin_new(const struct admin_options *o, struct admin **out)
{
	static const struct httpd_ops ops = {
	    admin_begin, admin_body, admin_run, admin_end};
	struct admin *a = MEM_NEW(struct admin);
	a->o = *o;
	struct err e = admin_encrypt(a);
	const struct httpd_options h = {
	    .loop = o->loop,
	    .address = o->address,
	    .max_connections = MAX_CONNECTIONS,
	    .pace = {.first = CLOCK_S(10),
		.idle = CLOCK_S(60),
		.receive = CLOCK_S(10),
		.send = CLOCK_S(10)},
	    .tls = a->tls,
	    .ops = &ops,
	    .arg = a,
	};
	if (e.kind == ERR_KIND_OK)
		e = httpd_new(&h, &a->httpd);
	if (e.kind == ERR_KIND_OK)
		e = httpd_open(a->httpd);
	if (e.kind != ERR_KIND_OK) {
		admin_free(&a);
	}
	*out = a;
	return e;
}

int admin_port(const struct admin *a)
{
	return httpd_port(a->httpd);
}

void admin_free(struct admin **ap)
{
	struct admin *a = *ap;
	if (a == NULL)
		return;
	httpd_free(&a->httpd);
	tls_server_free(&a->tls);
	free(a);
	*ap = NULL;
}
