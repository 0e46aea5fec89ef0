#include "writer/report.h"

#include "writer/commits/announce.h"

#include "common/base/log.h"
#include "common/kafka/kafka_answers.h"
#include "common/postgres/pg_pool.h"

#include <inttypes.h>
#include <string.h>

static void reason(struct buf *out, const char *what, const char *why)
{
	buf_printf(out, "%s: %.*s\n", what, (int)strcspn(why, "\n"), why);
}

/* A Postgres that hangs sends no error; no batch takes that long otherwise. */
#define SILENCE CLOCK_S(5)

static void trouble(const struct partition *p, struct buf *out)
{
	const char *first = partition_first(p);
	if (partition_trouble(p)[0] == '\0')
		return;
	buf_printf(out, "partition %d: %s: %s", partition_number(p),
	    partition_state_name(p), partition_trouble(p));
	if (first[0])
		buf_printf(out, "; the first waiting write is %s", first);
	buf_char(out, '\n');
}

static void troubles(const struct report *r, struct buf *out)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct partition *p = r->parts[i];
		if (p == NULL)
			continue;
		trouble(p, out);
		dur_us_t silence = partition_unanswered(p);
		if (silence > SILENCE)
			buf_printf(out,
			    "partition %d: %s: Postgres has not answered for "
			    "%" PRId64 " s\n",
			    partition_number(p), partition_state_name(p),
			    silence / CLOCK_S(1));
	}
}

static bool writer_report_is_ready(void *arg, struct buf *out)
{
	const struct report *r = arg;
	const char *start = *r->start ? preflight_waits_for(*r->start) : "";
	const char *takeover =
	    *r->takeover ? takeover_waits_for(*r->takeover) : "";
	if (r->x->paused)
		reason(out, "paused", "POST /resume resumes it");
	if (*r->draining)
		reason(out, "draining", "shutting down after a signal");
	if (start[0])
		reason(out, "start", start);
	else if (pg_pool_ready(r->x->pool) == 0)
		reason(out, "postgres", pg_pool_error(r->x->pool));
	if (start[0] == '\0' && !*r->member)
		reason(out, "group", "no assignment yet");
	else if (!kafka_answers(*r->membership, *r->consumer, r->parts, r->n))
		reason(
		    out, "kafka", "the leader of a partition does not answer");
	if (takeover[0])
		reason(out, "takeover waits for", takeover);
	troubles(r, out);
	return out->len == 0;
}

/* As far as Kafka has reported it, at the last fetch. */
static int64_t report_backlog(const struct report *r)
{
	int64_t sum = 0;
	for (size_t i = 0; *r->consumer && i < r->n; i++) {
		if (r->parts[i] == NULL)
			continue;
		int64_t end = consumer_end(*r->consumer, (int32_t)i);
		int64_t at = version_offset(partition_watermark(r->parts[i]));
		sum += end > at ? end - at : 0;
	}
	return sum;
}

static void writer_report_refresh(void *arg)
{
	const struct report *r = arg;
	struct stats *m = &r->x->stats;
	struct loop_stall stall = loop_stall(r->x->loop);
	size_t owned = 0, fine = 0, rows = 0, bytes = 0;
	wall_us_t oldest = 0;
	for (size_t i = 0; i < r->n; i++) {
		size_t n, size;
		wall_us_t at;
		if (r->parts[i] == NULL)
			continue;
		partition_buffered(r->parts[i], &n, &size, &at);
		owned++;
		fine += partition_trouble(r->parts[i])[0] == '\0';
		rows += n;
		bytes += size;
		if (at && (oldest == 0 || at < oldest))
			oldest = at;
	}
	metric_set(&m->backlog, report_backlog(r));
	metric_set(&m->paused, r->x->paused);
	metric_set(&m->partitions, (int64_t)owned);
	metric_set(&m->running, (int64_t)fine);
	metric_set(&m->buffered_rows, (int64_t)rows);
	metric_set(&m->buffered_bytes, (int64_t)bytes);
	metric_set(&m->retention, r->x->settings->retention);
	metric_set(&m->lag, oldest ? clock_wall() - oldest : 0);
	metric_set(
	    &m->outstanding, (int64_t)announcer_outstanding(r->x->announcer));
	metric_set(&m->postgres_ready, (int64_t)pg_pool_ready(r->x->pool));
	metric_set(&m->loop_stall, stall.recent);
	metric_set(&m->loop_stall_max, stall.ever);
}

static void partition_json(const struct partition *p, struct buf *out)
{
	size_t rows, bytes;
	wall_us_t oldest;
	partition_buffered(p, &rows, &bytes, &oldest);
	buf_printf(out,
	    "{\"partition\":%d,\"state\":\"%s\",\"watermark\":\"%" PRIu64
	    "\",\"buffered\":%zu,\"trouble\":",
	    partition_number(p), partition_state_name(p),
	    partition_watermark(p), rows);
	buf_json(out, partition_trouble(p), strlen(partition_trouble(p)));
	buf_char(out, '}');
}

static void writer_report_stats_json(void *arg, struct buf *out)
{
	const struct report *r = arg;
	const struct stats *m = &r->x->stats;
	const char *comma = "";
	buf_printf(out,
	    "{\"applied\":%" PRId64 ",\"rejected\":%" PRId64
	    ",\"coalesced\":%" PRId64 ",\"batches\":%" PRId64
	    ",\"partitions\":[",
	    metric_get(&m->applied), metric_get(&m->rejected),
	    metric_get(&m->coalesced), metric_get(&m->batches));
	for (size_t i = 0; i < r->n; i++) {
		if (r->parts[i] == NULL)
			continue;
		buf_str(out, comma);
		partition_json(r->parts[i], out);
		comma = ",";
	}
	buf_str(out, "]}");
}

struct err report_open(
    const struct report *r, const struct config *config, struct admin **out)
{
	const struct admin_options o = {
	    .loop = r->x->loop,
	    .address = r->x->settings->admin_listen,
	    .config = config,
	    .each = r->each,
	    .rows = stats_rows,
	    .nrows = stats_nrows,
	    .instances = &r->instance,
	    .ninstances = 1,
	    .ready = writer_report_is_ready,
	    .reload = r->reload,
	    .refresh = writer_report_refresh,
	    .stats = writer_report_stats_json,
	    .arg = (void *)(uintptr_t)r,
	    .routes = &control_routes,
	    .routes_arg = r->control,
	};
	struct err e = admin_new(&o, out);
	if (e.kind == ERR_KIND_OK)
		log_event(EV_LISTEN, "for=admin port=%d", admin_port(*out));
	return e;
}
