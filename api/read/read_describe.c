/* The headers of a read that say where its value came from: Cache-Status (RFC
 * 9211) and Server-Timing. */
#include "api/commits/tail.h"
#include "api/core/request.h"
#include "api/read/lookup.h"
#include "api/read/read.h"
#include "common/base/check.h"
#include "common/trace/span.h"

#include <inttypes.h>
#include <string.h>

/* Neither hit nor fwd: the answer has no value of a tier. */
static const char *read_outcome(const struct request *r)
{
	if (r->read->tier == TIER_L1)
		return VALUE_L1_STATUS;
	if (r->read->tier == TIER_REDIS)
		return "sluice; hit; detail=redis";
	switch (r->read->way) {
	case LOOKUP_NONE:
	case LOOKUP_CACHES:
		return "sluice";
	case LOOKUP_ALL:
		return "sluice; fwd=miss";
	case LOOKUP_FRESH:
		return "sluice; fwd=request";
	case LOOKUP_PRIMARY:
		return "sluice; fwd=bypass";
	}
	UNREACHABLE("way of a lookup");
}

/* One member for the answer, then one for each tier that was skipped. */
static void cache_status(const struct request *r, struct buf *out)
{
	buf_str(out, read_outcome(r));
	if (r->read->tier == TIER_REPLICA)
		buf_str(out, "; detail=replica");
	if (r->read->tier == TIER_PRIMARY)
		buf_str(out, "; detail=primary");
	if (r->read->collapsed)
		buf_str(out, "; collapsed");
	if (r->read->skipped & SKIP_REDIS_DOWN)
		buf_str(out, ", redis; detail=down");
	if (r->read->skipped & SKIP_REPLICA_DOWN)
		buf_str(out, ", replica; detail=down");
	if (r->read->skipped & SKIP_REPLICA_BEHIND)
		buf_str(out, ", replica; detail=behind");
	if (r->read->skipped & SKIP_PRIMARY_DOWN)
		buf_str(out, ", primary; detail=down");
	if (r->read->skipped & SKIP_PRIMARY_BEHIND)
		buf_str(out, ", primary; detail=behind");
	if ((r->read->skipped & SKIP_TAIL_CLOSED) ||
	    !tail_up(r->thread->instance->tail))
		buf_str(out, ", tail; detail=down");
}

static void duration(struct buf *out, const char *name, dur_us_t us)
{
	buf_printf(
	    out, "%s;dur=%" PRId64 ".%03d", name, us / 1000, (int)(us % 1000));
}

static void read_stages(const struct request *r, struct buf *out)
{
	static const char *const names[TIERS] = {
	    [TIER_REDIS] = ", redis",
	    [TIER_REPLICA] = ", replica",
	    [TIER_PRIMARY] = ", primary",
	};
	if (r->read->waited)
		duration(out, ", wait", r->read->waited);
	if (r->read->times.asked & 1U << TIER_L1)
		buf_str(out, ", " VALUE_L1_TIMING);
	for (int t = TIER_REDIS; t < TIERS; t++) {
		if (r->read->times.asked & 1U << t)
			duration(out, names[t], r->read->times.spent[t]);
	}
}

static void server_timing(const struct request *r, struct buf *out)
{
	duration(out, "total", clock_mono() - r->started);
	read_stages(r, out);
}

/* The tiers that were asked, and the one that had the value. */
void read_trace(const struct request *r, struct span *s)
{
	static const char *const spent[TIERS] = {
	    [TIER_REDIS] = "sluice.redis.us",
	    [TIER_REPLICA] = "sluice.replica.us",
	    [TIER_PRIMARY] = "sluice.primary.us",
	};
	if (r->read == NULL)
		return;
	const char *tier = read_source(r, NULL);
	if (tier)
		span_text(s, "sluice.tier", tier, strlen(tier));
	if (r->read->waited)
		span_number(s, "sluice.wait.us", r->read->waited);
	for (int t = TIER_REDIS; t < TIERS; t++) {
		if (r->read->times.asked & 1U << t)
			span_number(s, spent[t], r->read->times.spent[t]);
	}
}

void read_describe(const struct request *r, struct MHD_Response *response)
{
	if (r->read == NULL || !r->read->reading)
		return;
	struct buf text = {0};
	cache_status(r, &text);
	MHD_add_response_header(response, "Cache-Status", text.data);
	buf_clear(&text);
	server_timing(r, &text);
	MHD_add_response_header(response, "Server-Timing", text.data);
	buf_free(&text);
}

const char *read_source(const struct request *r, struct buf *stages)
{
	static const char *const names[TIERS] = {
	    [TIER_L1] = "l1",
	    [TIER_REDIS] = "redis",
	    [TIER_REPLICA] = "replica",
	    [TIER_PRIMARY] = "primary",
	};
	if (r->read == NULL)
		return NULL;
	if (stages) {
		duration(stages, "total", r->took);
		read_stages(r, stages);
	}
	return names[r->read->tier];
}
