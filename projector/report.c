#include "projector/report.h"

#include "common/base/log.h"
#include "common/kafka/kafka_answers.h"

#include <inttypes.h>

static const char *const state_names[] = {
    [PARTITION_HELD] = "held",
    [PARTITION_FOLLOWING] = "following",
    [PARTITION_APPLYING] = "applying",
    [PARTITION_RETRYING] = "retrying",
};

static bool projector_report_is_ready(void *arg, struct buf *out)
{
	const struct report *r = arg;
	if (*r->draining)
		buf_str(out, "draining: shutting down after a signal\n");
	if (!redis_ready(r->x->redis))
		buf_str(out, "redis: not connected\n");
	if (!*r->member)
		buf_str(out, "group: no assignment yet\n");
	else if (!kafka_answers(*r->membership, r->x->consumer, r->parts, r->n))
		buf_str(
		    out, "kafka: the leader of a partition does not answer\n");
	for (size_t i = 0; i < r->n; i++) {
		const struct partition *l = r->parts[i];
		if (l && partition_newer(l))
			buf_printf(out,
			    "partition %zu: its commits have a format that "
			    "this version does not know: start the newer "
			    "version of sluice-projector instead\n",
			    i);
		if (l == NULL || (partition_initialised(l) &&
				     partition_state(l) != PARTITION_HELD &&
				     partition_state(l) != PARTITION_RETRYING))
			continue;
		buf_printf(out, "partition %zu: %s%s\n", i,
		    state_names[partition_state(l)],
		    partition_initialised(l) ? "" : ", not initialised");
	}
	return out->len == 0;
}

static void projector_report_refresh(void *arg)
{
	const struct report *r = arg;
	struct stats *s = &r->x->stats;
	struct loop_stall stall = loop_stall(r->x->loop);
	size_t owned = 0, initialised = 0, waiting = 0;
	dur_us_t lag = 0;
	for (size_t i = 0; i < r->n; i++) {
		if (r->parts[i] == NULL)
			continue;
		owned++;
		initialised += partition_initialised(r->parts[i]);
		waiting += partition_waiting(r->parts[i]);
		dur_us_t age = partition_lag(r->parts[i]);
		lag = age > lag ? age : lag;
	}
	metric_set(&s->partitions, (int64_t)owned);
	metric_set(&s->initialised, (int64_t)initialised);
	metric_set(&s->waiting, (int64_t)waiting);
	metric_set(&s->lag, lag);
	metric_set(&s->redis_ready, redis_ready(r->x->redis));
	metric_set(&s->loop_stall, stall.recent);
	metric_set(&s->loop_stall_max, stall.ever);
}

static void projector_report_stats_json(void *arg, struct buf *out)
{
	const struct report *r = arg;
	const char *comma = "";
	buf_str(out, "{\"partitions\":[");
	for (size_t i = 0; i < r->n; i++) {
		const struct partition *l = r->parts[i];
		if (l == NULL)
			continue;
		buf_printf(out,
		    "%s{\"partition\":%zu,\"state\":\"%s\",\"initialised\":%s,"
		    "\"watermark\":\"%" PRIu64 "\",\"waiting\":%zu}",
		    comma, i, state_names[partition_state(l)],
		    partition_initialised(l) ? "true" : "false",
		    partition_watermark(l), partition_waiting(l));
		comma = ",";
	}
	buf_str(out, "],\"warm\":");
	warm_json(r->x->warm, out);
	buf_char(out, '}');
}

struct err report_open(
    const struct report *r, const struct config *config, struct admin **out)
{
	const struct admin_options o = {
	    .loop = r->x->loop,
	    .address = r->x->settings->admin_listen,
	    .config = config,
	    .rows = stats_rows,
	    .nrows = stats_nrows,
	    .instances = &r->instance,
	    .ninstances = 1,
	    .ready = projector_report_is_ready,
	    .reload = r->reload,
	    .refresh = projector_report_refresh,
	    .stats = projector_report_stats_json,
	    .arg = (void *)(uintptr_t)r,
	};
	struct err e = admin_new(&o, out);
	if (e.kind == ERR_KIND_OK)
		log_event(EV_LISTEN, "for=admin port=%d", admin_port(*out));
	return e;
}
