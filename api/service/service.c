#include "api/service/service.h"

#include "api/cache/l1.h"
#include "api/commits/backlog.h"
#include "api/commits/stores.h"
#include "api/commits/tail.h"
#include "api/core/answer.h"
#include "api/core/metrics.h"
#include "api/core/settings.h"
#include "api/read/pg_reader.h"
#include "api/write/write_log.h"
#include "common/redis/redis.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum step_result page_step(struct request *r)
{
	return r->route->page(r);
}

const struct feature page_feature = {.first = STEP_PAGE};

enum step_result service_collections(struct request *r)
{
	struct buf body = {0};
	const struct collection *c;
	buf_str(&body, "{\"collections\":[");
	for (size_t i = 0; (c = collection_at(i)) != NULL; i++)
		buf_printf(&body, "%s{\"name\":\"%s\",\"href\":\"/v1/%s\"}",
		    i ? "," : "", c->name, c->name);
	buf_str(&body, "]}\n");
	return answer_json(r, 200, &body);
}

/* --- health -------------------------------------------------------------- */

struct health {
	bool primary, redis, log, tail, writer;
	bool replica, has_replica;
	bool stalled; /* a partition has had no commit for too long */
	enum breaker_state breakers[3]; /* of redis, replica, primary */
	struct backlog_report probe;
};

static struct health examine(struct request *r)
{
	struct thread *t = r->thread;
	struct health h = {
	    .primary = pg_reader_up(t->primary),
	    .has_replica = t->replica != NULL,
	    .replica = t->replica && pg_reader_up(t->replica),
	    .redis = redis_up(t->redis),
	    .breakers = {redis_breaker(t->redis),
		t->replica ? pg_reader_breaker(t->replica) : BREAKER_CLOSED,
		pg_reader_breaker(t->primary)},
	    .log = write_log_up(t->instance->write_log),
	    .tail =
		tail_up(t->instance->tail) && tail_started(t->instance->tail),
	    .probe = backlog_get(t->instance->backlog),
	};
	h.writer = h.probe.known && h.probe.writer_active;
	h.stalled = h.probe.known && h.probe.stalled >= 0 &&
		    h.probe.stalled_for >= t->instance->settings->stalled_after;
	/* A connected Redis may still not answer. So it counts as healthy only
	 * if it has also answered a question of the main loop. */
	h.redis = h.redis && stores_get(t->instance->stores).redis_known;
	return h;
}

static const char *word(bool ok)
{
	return ok ? "healthy" : "unavailable";
}

static const char *service_connected(bool ok)
{
	return ok ? "connected" : "disconnected";
}

/* Writes the same number under the names of both reference systems. */
static void write_backlog(struct buf *out, const struct backlog_report *probe)
{
	char backlog[24] = "null";
	if (probe->known)
		snprintf(backlog, sizeof backlog, "%" PRId64, probe->backlog);
	buf_printf(
	    out, ",\"queue_depth\":%s,\"queue_length\":%s", backlog, backlog);
}

static void add_reason(struct buf *out, bool is, const char *text)
{
	if (!is)
		return;
	buf_str(out, out->data[out->len - 1] == '[' ? "" : ",");
	buf_json(out, text, strlen(text));
}

/* Writes why the instance is not healthy, for people. */
static void write_reasons(struct buf *out, const struct health *h)
{
	char stall[160];
	snprintf(stall, sizeof stall,
	    "partition %d has had no commit for %" PRId64 " s, and %" PRId64
	    " writes wait in it: /readyz of its writer says why",
	    h->probe.stalled, h->probe.stalled_for / CLOCK_S(1),
	    h->probe.stalled_writes);
	buf_str(out, ",\"reasons\":[");
	add_reason(out, !h->primary, "the primary does not answer");
	add_reason(
	    out, h->has_replica && !h->replica, "the replica does not answer");
	add_reason(out, !h->redis, "Redis does not answer");
	add_reason(out, !h->log, "the log does not accept writes");
	add_reason(out, !h->tail, "commits cannot be read");
	add_reason(
	    out, !h->probe.known, "Kafka does not report the state of the log");
	add_reason(out, h->probe.known && !h->writer,
	    "no writer is running: writes wait in the log");
	add_reason(out, h->stalled, stall);
	buf_char(out, ']');
}

static void write_health(
    struct buf *out, const struct health *h, const char *status)
{
	const char *replica = h->has_replica ? word(h->replica) : "disabled";
	/* L1 serves whenever commits are heard. */
	buf_printf(out,
	    "{\"status\":\"%s\",\"primary\":\"%s\",\"replica\":\"%s\","
	    "\"cache\":\"%s\",\"redis\":\"%s\",\"l1_cache\":\"%s\","
	    "\"l2_cache\":\"%s\",\"database\":\"%s\",\"log\":\"%s\","
	    "\"queue\":\"%s\"",
	    status, word(h->primary), replica, word(h->redis),
	    service_connected(h->redis), word(h->tail), word(h->redis),
	    word(h->primary || h->replica), word(h->log), word(h->log));
	write_reasons(out, h);
	write_backlog(out, &h->probe);
	buf_printf(out,
	    ",\"worker_active\":%s,\"services\":{\"database\":\"%s\","
	    "\"cache\":\"%s\",\"log\":\"%s\",\"tail\":\"%s\"},"
	    "\"breakers\":{\"redis\":\"%s\",\"replica\":\"%s\","
	    "\"primary\":\"%s\"},\"timestamp\":%" PRId64 "}\n",
	    h->writer ? "true" : "false",
	    service_connected(h->primary || h->replica),
	    service_connected(h->redis), service_connected(h->log),
	    service_connected(h->tail), breaker_name(h->breakers[0]),
	    h->has_replica ? breaker_name(h->breakers[1]) : "disabled",
	    breaker_name(h->breakers[2]), clock_wall() / 1000000);
}

enum step_result service_health(struct request *r)
{
	struct health h = examine(r);
	bool all = h.primary && h.redis && h.log && h.tail && h.writer &&
		   !h.stalled && (h.replica || !h.has_replica);
	bool readable = h.primary || h.replica;
	struct buf body = {0};
	write_health(&body, &h,
	    all	       ? "healthy"
	    : readable ? "degraded"
		       : "unhealthy");
	return answer_json(r, readable ? 200 : 503, &body);
}

/* --- statistics ---------------------------------------------------------- */

#define SUM(instance, field)                                                   \
	api_metric_sum((instance)->metric_sets, (instance)->nthreads + 1,      \
	    offsetof(struct api_metrics, field))

struct numbers {
	struct l1_stats l1;
	int64_t l1_hits, l1_misses, l2_hits, l2_misses, db_reads;
	int64_t hits, misses; /* of L1 and Redis together */
	int64_t acked, refused, invalid, unknown, rejected;
	struct backlog_report probe;
	struct stores_report stores;
};

/* A lookup in L1 is counted for each request, for a document or a page. If L1
 * misses, Redis may hit. Many requests may share one lookup in Redis. */
static struct numbers collect(struct instance *instance)
{
	struct numbers n = {
	    .l1 = l1_stats(instance->l1),
	    .l1_hits = SUM(instance, l1_hit) + SUM(instance, page_hit),
	    .l1_misses = SUM(instance, l1_miss) + SUM(instance, l1_old) +
			 SUM(instance, page_miss) + SUM(instance, page_old),
	    .l2_hits = SUM(instance, l2_hit),
	    .l2_misses = SUM(instance, l2_miss) + SUM(instance, l2_old),
	    .db_reads = SUM(instance, db_keys) + SUM(instance, page_queries),
	    .acked = SUM(instance, write_acked),
	    .refused = SUM(instance, write_refused),
	    .invalid = SUM(instance, write_invalid),
	    .unknown = SUM(instance, write_unknown),
	    .rejected = tail_rejected(instance->tail),
	    .probe = backlog_get(instance->backlog),
	    .stores = stores_get(instance->stores),
	};
	n.hits = n.l1_hits + n.l2_hits;
	n.misses = n.l1_misses > n.l2_hits ? n.l1_misses - n.l2_hits : 0;
	return n;
}

/* In percent with two decimals, as in the reference systems. */
static void service_rate(
    struct buf *out, const char *name, int64_t hits, int64_t all)
{
	double percent = all ? 100.0 * (double)hits / (double)all : 0;
	buf_printf(out, ",\"%s\":%.2f", name, percent);
}

static void service_number(struct buf *out, const char *name, int64_t v)
{
	buf_printf(out, ",\"%s\":%" PRId64, name, v);
}

static void redis_keys(
    struct buf *out, const char *name, const struct numbers *n)
{
	if (n->stores.redis_known)
		service_number(out, name, n->stores.redis_keys);
	else
		buf_printf(out, ",\"%s\":null", name);
}

/* Numbers without a tier in their name are of L1 and Redis together: the
 * reference systems that use these names have one cache. */
static void write_cache_stats(
    struct instance *instance, const struct numbers *n, struct buf *out)
{
	buf_printf(
	    out, "\"available\":%s", n->stores.redis_known ? "true" : "false");
	service_number(out, "hits", n->hits);
	service_number(out, "misses", n->misses);
	redis_keys(out, "keys", n);
	service_rate(out, "hit_rate", n->hits, n->hits + n->misses);
	service_number(out, "l1_size", (int64_t)n->l1.entries);
	service_number(out, "l1_max_size", (int64_t)n->l1.most);
	service_number(out, "l1_bytes", (int64_t)n->l1.bytes);
	service_number(out, "l1_max_bytes", instance->settings->l1_bytes);
	service_number(out, "l1_hits", n->l1_hits);
	service_number(out, "l1_misses", n->l1_misses);
	service_rate(out, "l1_hit_rate", n->l1_hits, n->l1_hits + n->l1_misses);
	service_number(out, "l2_hits", n->l2_hits);
	service_number(out, "l2_misses", n->l2_misses);
	service_rate(out, "l2_hit_rate", n->l2_hits, n->l2_hits + n->l2_misses);
	service_rate(out, "combined_hit_rate", n->hits, n->hits + n->misses);
	service_number(out, "db_reads", n->db_reads);
}

enum step_result service_cache_stats(struct request *r)
{
	struct numbers n = collect(r->thread->instance);
	struct buf body = {0};
	buf_char(&body, '{');
	write_cache_stats(r->thread->instance, &n, &body);
	buf_str(&body, "}\n");
	return answer_json(r, 200, &body);
}

/* The numbers of L1 and Redis together. */
enum step_result service_cache_totals(struct request *r)
{
	struct numbers n = collect(r->thread->instance);
	struct buf body = {0};
	buf_printf(&body, "{\"hits\":%" PRId64, n.hits);
	service_number(&body, "misses", n.misses);
	service_rate(&body, "hit_rate", n.hits, n.hits + n.misses);
	service_number(&body, "total_requests", n.hits + n.misses);
	buf_str(&body, "}\n");
	return answer_json(r, 200, &body);
}

static void write_layers(const struct numbers *n, struct buf *out)
{
	bool redis = n->stores.redis_known;
	buf_printf(out, ",\"cache_available\":%s", redis ? "true" : "false");
	service_number(out, "cache_hits", n->hits);
	service_number(out, "cache_misses", n->misses);
	redis_keys(out, "cache_keys", n);
	service_rate(out, "cache_hit_rate", n->hits, n->hits + n->misses);
	buf_str(out, ",\"l1_cache_available\":true");
	service_number(out, "l1_cache_size", (int64_t)n->l1.entries);
	service_number(out, "l1_cache_max_size", (int64_t)n->l1.most);
	service_number(out, "l1_cache_hits", n->l1_hits);
	service_number(out, "l1_cache_misses", n->l1_misses);
	buf_printf(out, ",\"l2_cache_available\":%s", redis ? "true" : "false");
	redis_keys(out, "l2_cache_keys", n);
	service_number(out, "l2_cache_hits", n->l2_hits);
	service_number(out, "l2_cache_misses", n->l2_misses);
	service_number(out, "total_hits", n->hits);
	service_number(out, "total_misses", n->misses);
	service_rate(out, "overall_hit_rate", n->hits, n->hits + n->misses);
}

static void write_queue(const struct numbers *n, struct buf *out)
{
	write_backlog(out, &n->probe);
	service_number(out, "writes_queued", n->acked);
	service_number(out, "writes_processed", n->probe.decided);
	service_number(out, "writes_failed", n->rejected);
	buf_printf(out, ",\"processing_rate\":%.2f", n->probe.decided_per_s);
	buf_printf(out, ",\"worker_active\":%s",
	    n->probe.known && n->probe.writer_active ? "true" : "false");
}

/* -1: not known. */
static void write_known(struct buf *out, const char *name, int64_t v)
{
	if (v >= 0)
		service_number(out, name, v);
	else
		buf_printf(out, ",\"%s\":null", name);
}

static void write_places(const struct numbers *n, struct buf *out)
{
	write_known(out, "redis_behind", n->stores.redis.behind);
	write_known(out, "redis_lag", stores_seconds(n->stores.redis));
	write_known(out, "replica_behind", n->stores.replica.behind);
	write_known(out, "replica_lag", stores_seconds(n->stores.replica));
	write_known(out, "api_instances", n->stores.apis);
	write_known(out, "writer_instances", n->probe.writers);
	write_known(out, "projector_instances", n->probe.projectors);
}

void service_write_stats(struct instance *instance, struct buf *out)
{
	struct numbers n = collect(instance);
	buf_char(out, '{');
	write_cache_stats(instance, &n, out);
	write_layers(&n, out);
	write_queue(&n, out);
	write_places(&n, out);
	service_number(
	    out, "primary_pool_size", SUM(instance, primary_connections));
	service_number(
	    out, "replica_pool_size", SUM(instance, replica_connections));
	service_number(out, "db_pool_size",
	    SUM(instance, primary_connections) +
		SUM(instance, replica_connections));
	buf_str(out, "}\n");
}

enum step_result service_stats(struct request *r)
{
	struct buf body = {0};
	service_write_stats(r->thread->instance, &body);
	return answer_json(r, 200, &body);
}
