#include "api/log/access_log.h"

#include "api/core/metrics.h"
#include "api/core/route.h"
#include "api/core/settings.h"
#include "api/log/log_fields.h"
#include "api/log/log_queue.h"
#include "common/access/principal.h"
#include "common/base/log.h"
#include "common/trace/trace_context.h"

#include <string.h>

/* As printf would make them; access_log_fields makes them. */
#define FIELDS                                                                 \
	"method=%s route=%s status=%u us=%lld total_us=%lld bytes=%lld "       \
	"source=%s request=\"%s\" trace=%s by=\"%s\""
#define PATH " path=\"%s\""
#define STAGES " stages=\"%s\""

static long long access_log_bytes(const struct request *r)
{
	bool head = r->method[0] == 'H' && strcmp(r->method, "HEAD") == 0;
	return head ? 0 : r->bytes;
}

/* The trace that the request is in. */
static void add_trace(struct log_fields *f, const struct request *r)
{
	struct trace_context said;
	const struct trace_context *c = NULL;
	const char *text = r->traceparent;
	char id[TRACE_ID_LEN + 1];
	if (r->trace)
		c = &r->trace->self;
	else if (text && trace_context_parse(text, strlen(text), &said))
		c = &said;
	if (c == NULL) {
		log_fields_text(f, " trace=", "none");
		return;
	}
	trace_context_id(c, id);
	log_fields_text(f, " trace=", id);
}

/* Requests of a kind come one after the other, and their lines begin alike. */
struct kind {
	const struct route *route;
	const char *method; /* NULL: there was no line yet */
	unsigned code;
	size_t len;
	char text[LOG_FIELDS_MAX];
};

static void kind_make(struct kind *k, const struct route *route,
    const char *method, unsigned code)
{
	struct log_fields f = log_fields_begin(k->text);
	log_fields_text(&f, "method=", method);
	log_fields_text(&f, " route=", route ? route->head.pattern : "none");
	log_fields_number(&f, " status=", code);
	k->route = route;
	k->method = method;
	k->code = code;
	k->len = (size_t)(f.at - k->text);
}

static void add_kind(struct log_fields *f, const struct request *r)
{
	static _Thread_local struct kind k;
	const char *method = request_method(r);
	if (k.method != method || k.route != r->route || k.code != r->code)
		kind_make(&k, r->route, method, r->code);
	log_fields_add(f, k.text, k.len);
}

/* When a request ended, and whether it was slow. */
struct timing {
	mono_us_t now; /* its end */
	dur_us_t took; /* until its answer was ready */
	bool slow;
};

static struct timing timing_of(const struct request *r)
{
	dur_us_t most = r->thread->instance->settings->log_slow;
	struct timing t = {.now = clock_mono()};
	t.took = r->code ? r->took : t.now - r->started;
	t.slow = most > 0 && t.took >= most;
	return t;
}

static void access_log_fields(struct log_fields *f, struct request *r,
    const struct timing *t, const char *source)
{
	add_kind(f, r);
	log_fields_number(f, " us=", t->took);
	log_fields_number(f, " total_us=", t->now - r->started);
	log_fields_number(f, " bytes=", access_log_bytes(r));
	log_fields_text(f, " source=", source ? source : "none");
	/* An id has nothing to quote. */
	log_fields_text(f, " request=\"", request_id(r));
	log_fields_add(f, "\"", 1);
	add_trace(f, r);
	if (r->principal)
		log_fields_quoted(f, " by=", principal_subject(r->principal));
	else
		log_fields_text(f, " by=", "\"\"");
}

/* `stages`: of a slow request; NULL: of another one. */
static void access_log_line(struct request *r, const struct timing *t,
    const char *source, const char *stages)
{
	enum event ev = stages ? EV_REQUEST_SLOW : EV_REQUEST;
	char *line = log_queue_line(r->thread->index);
	if (line == NULL) {
		metric_add(&r->thread->metrics->log_lost, 1);
		return;
	}
	struct log_fields f =
	    log_fields_begin(log_line_begin(ev, t->now, line));
	access_log_fields(&f, r, t, source);
	if (stages)
		log_fields_quoted(&f, " stages=", stages);
	/* The last one: it is what is cut. */
	log_fields_quoted(&f, " path=", r->path);
	size_t len = log_line_end(
	    ev, stages ? FIELDS STAGES PATH : FIELDS PATH, line, f.at);
	log_queue_put(r->thread->index, len);
}

static void access_log_write(struct request *r)
{
	const struct timing t = timing_of(r);
	if (!t.slow && !r->thread->instance->log_each)
		return;
	struct buf stages = {0};
	const char *source = NULL;
	if (r->feature && r->feature->source)
		source = r->feature->source(r, t.slow ? &stages : NULL);
	if (!t.slow) {
		access_log_line(r, &t, source, NULL);
		return;
	}
	access_log_line(r, &t, source, stages.data ? stages.data : "");
	buf_free(&stages);
}

void access_log_start(struct instance *instance)
{
	const struct api_settings *s = instance->settings;
	instance->log_each = strcmp(s->log_access, "on") == 0;
	if (!instance->log_each && s->log_slow == 0)
		return;
	log_queue_start(instance->nthreads);
	instance->log_request = access_log_write;
}

void access_log_stop(const struct instance *instance)
{
	if (instance->log_request)
		log_queue_end();
}
