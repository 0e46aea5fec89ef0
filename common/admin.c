#include "common/admin.h"

#include "common/httpd.h"
#include "common/mem.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_CONNECTIONS = 64 };

struct admin {
	struct admin_options o;
	struct httpd *httpd;
};

struct request {
	struct admin *admin;
	struct MHD_Connection *c;
	const char *method; /* libmicrohttpd's, for the request's life */
	char *path;
};

struct answer {
	unsigned status;
	const char *type;
	struct buf body;
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
}

static void metrics(struct admin *a, struct answer *out)
{
	if (a->o.refresh)
		a->o.refresh(a->o.arg);
	out->type = "text/plain; version=0.0.4; charset=utf-8";
	metrics_render(
	    &out->body, a->o.rows, a->o.nrows, a->o.instances, a->o.ninstances);
}

static void stats(struct admin *a, struct answer *out)
{
	out->type = "application/json";
	a->o.stats(a->o.arg, &out->body);
}

static void config(struct admin *a, struct answer *out)
{
	out->type = "application/json";
	config_json(a->o.config, &out->body);
}

static const struct {
	const char *path;
	void (*answer)(struct admin *a, struct answer *out);
} routes[] = {
    {"/livez", livez},
    {"/readyz", readyz},
    {"/metrics", metrics},
    {"/stats", stats},
    {"/config", config},
};
enum { ROUTES = sizeof routes / sizeof routes[0] };

static void *begin(
    void *arg, struct MHD_Connection *c, const char *method, const char *path)
{
	struct request *r = MEM_NEW(struct request);
	*r = (struct request){arg, c, method, mem_strdup(path)};
	return r;
}

static void body(void *request, const char *data, size_t len)
{
	(void)request;
	(void)data;
	(void)len;
}

static void find(struct request *r, struct answer *out)
{
	bool get = strcmp(r->method, "GET") == 0;
	bool head = strcmp(r->method, "HEAD") == 0;
	for (size_t i = 0; i < ROUTES; i++) {
		if (strcmp(routes[i].path, r->path) != 0)
			continue;
		out->status = get || head ? 200 : 405;
		if (out->status == 200)
			routes[i].answer(r->admin, out);
		else
			buf_str(&out->body, "method not allowed\n");
		return;
	}
	out->status = 404;
	for (size_t i = 0; i < ROUTES; i++)
		buf_printf(&out->body, "%s\n", routes[i].path);
}

static enum MHD_Result run(void *request)
{
	struct request *r = request;
	struct answer a = {.status = 200, .type = "text/plain; charset=utf-8"};
	find(r, &a);
	size_t len;
	char *text = buf_take(&a.body, &len);
	struct MHD_Response *response =
	    MHD_create_response_from_buffer(len, text, MHD_RESPMEM_MUST_FREE);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, a.type);
	if (a.status == 405)
		MHD_add_response_header(
		    response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	enum MHD_Result rc = MHD_queue_response(r->c, a.status, response);
	MHD_destroy_response(response);
	return rc;
}

static void end(void *request)
{
	struct request *r = request;
	free(r->path);
	free(r);
}

struct err admin_new(const struct admin_options *o, struct admin **out)
{
	static const struct httpd_ops ops = {begin, body, run, end};
	struct admin *a = MEM_NEW(struct admin);
	a->o = *o;
	const struct httpd_options h = {
	    .loop = o->loop,
	    .address = o->address,
	    .max_connections = MAX_CONNECTIONS,
	    .idle_timeout = CLOCK_S(60),
	    .receive_timeout = CLOCK_S(10),
	    .ops = &ops,
	    .arg = a,
	};
	struct err e = httpd_new(&h, &a->httpd);
	if (e.verdict != VERDICT_OK) {
		free(a);
		a = NULL;
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
	free(a);
	*ap = NULL;
}
