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
	return strcmp(r->method, "HEAD") == 0 ? 0 : r->bytes;
}

/* The trace that the request is in; "none": in none. */
static void access_log_trace(
    const struct request *r, char out[TRACE_ID_LEN + 1])
{
	struct trace_context c;
	const char *said = r->traceparent;
	strcpy(out, "none");
	if (r->trace)
		trace_context_id(&r->trace->self, out);
	else if (said && trace_context_parse(said, strlen(said), &c))
		trace_context_id(&c, out);
}

static void access_log_fields(
    struct log_fields *f, struct request *r, dur_us_t took, const char *source)
{
	char trace[TRACE_ID_LEN + 1];
	access_log_trace(r, trace);
	log_fields_text(f, "method=", request_method(r));
	log_fields_text(
	    f, " route=", r->route ? r->route->head.pattern : "none");
	log_fields_number(f, " status=", r->code);
	log_fields_number(f, " us=", took);
	log_fields_number(f, " total_us=", clock_mono() - r->started);
	log_fields_number(f, " bytes=", access_log_bytes(r));
	log_fields_text(f, " source=", source ? source : "none");
	/* An id has nothing to quote. */
	log_fields_text(f, " request=\"", request_id(r));
	log_fields_text(f, "\" trace=", trace);
	log_fields_quoted(
	    f, " by=", r->principal ? principal_subject(r->principal) : "");
}

static bool access_log_put(void *thread, const char *line, size_t len)
{
	const struct thread *t = thread;
	return log_queue_put(t->index, line, len);
}

static void access_log_write(struct request *r)
{
	const struct api_settings *s = r->thread->instance->settings;
	dur_us_t took = r->code ? r->took : clock_mono() - r->started;
	bool slow = s->log_slow > 0 && took >= s->log_slow;
	if (!slow && !r->thread->instance->log_each)
		return;
	struct buf stages = {0};
	struct log_fields f;
	log_fields_begin(&f);
	const char *source = NULL;
	if (r->feature && r->feature->source)
		source = r->feature->source(r, slow ? &stages : NULL);
	access_log_fields(&f, r, took, source);
	if (slow)
		log_fields_quoted(
		    &f, " stages=", stages.data ? stages.data : "");
	/* The last one: it is what is cut. */
	log_fields_quoted(&f, " path=", r->path);
	bool written = log_line(access_log_put, r->thread,
	    slow ? EV_REQUEST_SLOW : EV_REQUEST,
	    slow ? FIELDS STAGES PATH : FIELDS PATH, f.room,
	    log_fields_len(&f));
	if (!written)
		metric_add(&r->thread->metrics->log_lost, 1);
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
