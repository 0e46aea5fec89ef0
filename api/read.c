/* The way of a read: L1, then a lookup that may be shared, then the answer.
 *
 * Whatever the way, a value is served only while INV-1 (api/floors.h) holds for
 * it at the moment of serving.
 */
#include "api/answer.h"
#include "api/request.h"
#include "api/routes.h"

#include <string.h>

static bool may_serve(const struct request *r)
{
	return floors_allow(r->worker->app->floors, r->slot, r->value->as_of);
}

/* --- Sluice-Read-After --------------------------------------------------- */

static bool passed(const struct request *r, struct position p)
{
	const struct tail *tail = r->worker->app->tail;
	return p.version < tail_through(tail, p.partition);
}

/* The first position of the header that is not passed yet. False: none. A
 * malformed one is *bad. */
static bool next_position(
    const struct request *r, struct position *out, bool *bad)
{
	const char *s = request_header(r, "Sluice-Read-After");
	*bad = false;
	while (s && *s && !*bad) {
		s += strspn(s, ", \t");
		size_t len = strcspn(s, ", \t");
		if (len == 0)
			return false;
		*bad = !position_parse(s, len, out) ||
		       out->partition >= r->worker->app->partitions;
		if (!*bad && !passed(r, *out))
			return true;
		s += len;
	}
	return false;
}

static enum step_result bad_position(struct request *r)
{
	struct violations v = {0};
	violations_add(&v, "Sluice-Read-After",
	    "must be positions as Sluice-Position gives them");
	return answer_violations(r, &v);
}

static enum step_result too_busy(struct request *r)
{
	metric_add(&r->worker->metrics->shed, 1);
	return answer_problem(r, PROBLEM_BUFFER_FULL,
	    "This instance has as many waiting requests as it may.");
}

static enum step_result wait_for(struct request *r, struct position p)
{
	if (!request_may_park(r))
		return too_busy(r);
	if (r->deadline == 0)
		request_deadline(r, r->worker->app->settings->read_timeout);
	waits_add(r->worker->waits, &r->wait, p);
	return STEP_PARK;
}

/* --- L1 ------------------------------------------------------------------ */

static bool from_l1(struct request *r)
{
	struct worker *w = r->worker;
	r->value = l1_get(w->app->l1, r->id, r->id_len, clock_mono());
	if (r->value == NULL) {
		metric_add(&w->metrics->l1_miss, 1);
		return false;
	}
	if (!may_serve(r)) {
		metric_add(&w->metrics->l1_old, 1);
		value_unref(&r->value);
		return false;
	}
	metric_add(&w->metrics->l1_hit, 1);
	r->tier = TIER_L1;
	return true;
}

enum step_result read_step(struct request *r)
{
	struct position p;
	bool bad;
	bool waits = next_position(r, &p, &bad);
	if (bad)
		return bad_position(r);
	if (waits && r->expired)
		return answer_problem(r, PROBLEM_POSITION_NOT_REACHED, NULL);
	if (waits)
		return wait_for(r, p);
	r->step = from_l1(r) ? STEP_READ_ANSWER : STEP_LOOKUP;
	return STEP_MORE;
}

/* --- the lookup ---------------------------------------------------------- */

enum step_result read_lookup_step(struct request *r)
{
	if (!request_may_park(r))
		return too_busy(r);
	if (r->deadline == 0)
		request_deadline(r, r->worker->app->settings->read_timeout);
	r->step = STEP_LANDED;
	lookup_join(r);
	return STEP_PARK;
}

enum step_result read_landed_step(struct request *r)
{
	bool open = floors_is_open(r->worker->app->floors, r->slot.partition);
	r->step = STEP_READ_ANSWER;
	if (r->value && (may_serve(r) || !open))
		return STEP_MORE;
	/* A commit was heard of while the result was on its way: again. */
	if (r->value && !r->expired && clock_mono() < r->deadline) {
		value_unref(&r->value);
		r->step = STEP_LOOKUP;
		return STEP_MORE;
	}
	value_unref(&r->value);
	r->tier = TIER_NONE;
	bool behind = r->skipped & SKIP_PRIMARY_BEHIND;
	r->failure = behind ? READ_NOT_REACHED : READ_UNAVAILABLE;
	return STEP_MORE;
}

/* --- the answer ---------------------------------------------------------- */

static void count_tier(struct request *r)
{
	struct api_metrics *m = r->worker->metrics;
	switch (r->tier) {
	case TIER_NONE:
		metric_add(&m->read_failed, 1);
		return;
	case TIER_L1:
		metric_add(&m->read_l1, 1);
		return;
	case TIER_REDIS:
		metric_add(&m->read_redis, 1);
		return;
	case TIER_REPLICA:
		metric_add(&m->read_replica, 1);
		return;
	case TIER_PRIMARY:
		metric_add(&m->read_primary, 1);
		return;
	}
}

enum step_result read_answer_step(struct request *r)
{
	count_tier(r);
	if (r->failure == READ_NOT_REACHED)
		return answer_problem(r, PROBLEM_POSITION_NOT_REACHED,
		    "The database is behind a commit that is known; it "
		    "catches up by itself.");
	if (r->failure == READ_UNAVAILABLE)
		return answer_problem(r, PROBLEM_STORE_UNAVAILABLE, NULL);
	return r->route->surface->read(r);
}
