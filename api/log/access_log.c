#include "api/log/access_log.h"

#include "api/core/metrics.h"
#include "api/core/route.h"
#include "api/core/settings.h"
#include "api/log/log_queue.h"
#include "common/access/principal.h"
#include "common/base/log.h"
#include "common/trace/trace_context.h"

#include <string.h>

/* log_quote keeps four texts. */
#define FIELDS                                                                 \
	"method=%s route=%s status=%u us=%lld total_us=%lld bytes=%lld "       \
	"source=%s request=%s trace=%s by=%s"
#define VALUES                                                                 \
	request_method(r), r->route ? r->route->head.pattern : "none",         \
	    r->code, (long long)took, (long long)total, access_log_bytes(r),   \
	    source ? source : "none", log_quote(request_id(r)), trace,         \
	    log_quote(r->principal ? principal_subject(r->principal) : "")

static long long access_log_bytes(const struct request *r)
{
	return strcmp(r->method, "HEAD") == 0 ? 0 : r->bytes;
}

/* The trace that the request is in; "none": in none. */
static void access_log_trace(
    const struct request *r, char out[TRACE_ID_LEN + 1])
{
	struct trace_context c;
	const char *said = r->trace ? NULL : request_header(r, "traceparent");
	strcpy(out, "none");
	if (r->trace)
		trace_context_id(&r->trace->self, out);
	else if (said && trace_context_parse(said, strlen(said), &c))
		trace_context_id(&c, out);
}

static void access_log_write(struct request *r)
{
	const struct api_settings *s = r->thread->instance->settings;
	dur_us_t total = clock_mono() - r->started;
	dur_us_t took = r->code ? r->took : total;
	bool slow = s->log_slow > 0 && took >= s->log_slow;
	if (!slow && strcmp(s->log_access, "on") != 0)
		return;
	struct buf stages = {0};
	char trace[TRACE_ID_LEN + 1];
	access_log_trace(r, trace);
	const char *source = NULL;
	if (r->feature && r->feature->source)
		source = r->feature->source(r, slow ? &stages : NULL);
	bool written = slow
			   ? log_line(log_queue_put, EV_REQUEST_SLOW,
				 FIELDS " stages=%s path=%s", VALUES,
				 log_quote(stages.data), log_quote(r->path))
			   : log_line(log_queue_put, EV_REQUEST,
				 FIELDS " path=%s", VALUES, log_quote(r->path));
	if (!written)
		metric_add(&r->thread->metrics->log_lost, 1);
	buf_free(&stages);
}

void access_log_start(struct instance *instance)
{
	const struct api_settings *s = instance->settings;
	if (strcmp(s->log_access, "on") != 0 && s->log_slow == 0)
		return;
	log_queue_start();
	instance->log_request = access_log_write;
}

void access_log_stop(const struct instance *instance)
{
	if (instance->log_request)
		log_queue_end();
}
