/* The way of a read: L1, then a lookup that may be shared, then the answer.
 *
 * Whatever the way, a value is served only while INV-1 (api/read/floors.h)
 * holds for it at the moment of serving.
 */
#include "api/read/read.h"

#include "api/core/answer.h"
#include "api/core/budget.h"
#include "api/core/header_budget.h"
#include "api/list/export.h"
#include "api/list/list_query.h"
#include "api/read/current.h"
#include "common/base/mem.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool read_may_serve(const struct request *r)
{
	return current_allows(
	    r->worker->app->floors, r->collection, r->slot, r->value, r->tier);
}

/* --- what the headers ask ------------------------------------------------ */

static void take_positions(struct request *r, const char *s)
{
	while (*(s += strspn(s, ", \t"))) {
		struct position p;
		size_t len = strcspn(s, ", \t");
		if (!position_parse(s, len, &p) ||
		    p.partition >= r->worker->app->partitions) {
			r->bad_after = true;
			return;
		}
		r->after =
		    mem_realloc(r->after, (r->nafter + 1) * sizeof *r->after);
		r->after[r->nafter++] = p;
		s += len;
	}
}

/* A list may be spread over several lines. */
static enum MHD_Result take_header(
    void *arg, enum MHD_ValueKind kind, const char *name, const char *value)
{
	(void)kind;
	if (value && strcasecmp(name, "Sluice-Read-After") == 0)
		take_positions(arg, value);
	else if (value && strcasecmp(name, "Cache-Control") == 0)
		cache_control_parse(value, &((struct request *)arg)->cache);
	return MHD_YES;
}

static enum step_result bad_position(struct request *r)
{
	struct violations v = {0};
	violations_add(&v, "Sluice-Read-After",
	    "must be positions as Sluice-Position returns them");
	return answer_violations(r, &v);
}

static enum step_result too_busy(struct request *r)
{
	if (r->has_position)
		return r->route->surface->receipt(r); /* see read_answer_step */
	metric_add(&r->worker->metrics->shed, 1);
	return answer_problem(r, PROBLEM_BUFFER_FULL,
	    "This instance has reached its maximum of waiting requests "
	    "(http.max_parked).");
}

static enum step_result no_room(struct request *r)
{
	if (r->has_position)
		return r->route->surface->receipt(r);
	r->tier = TIER_NONE;
	return answer_full(r);
}

enum step_result read_step(struct request *r)
{
	r->reading = true;
	MHD_get_connection_values(
	    r->connection, MHD_HEADER_KIND, take_header, r);
	if (r->bad_after)
		return bad_position(r);
	r->step = STEP_READ_AFTER;
	return STEP_MORE;
}

/* --- Sluice-Read-After --------------------------------------------------- */

static bool passed(const struct request *r, struct position p)
{
	const struct tail *tail = r->worker->app->tail;
	return p.version < tail_through(tail, p.partition);
}

static enum step_result read_wait_for(struct request *r, struct position p)
{
	if (!request_may_park(r))
		return too_busy(r);
	if (r->deadline == 0)
		request_deadline(r, r->worker->app->settings->read_timeout);
	r->waiting_since = clock_mono();
	waiters_add(r->worker->waits, &r->wait, p);
	return STEP_PARK;
}

enum step_result read_after_step(struct request *r)
{
	if (r->waiting_since)
		r->waited += clock_mono() - r->waiting_since;
	r->waiting_since = 0;
	/* A watermark that was passed stays passed, and its floors raised. */
	while (r->passed < r->nafter && passed(r, r->after[r->passed]))
		r->passed++;
	if (r->passed < r->nafter && r->expired)
		return answer_problem(r, PROBLEM_POSITION_NOT_REACHED, NULL);
	if (r->passed < r->nafter)
		return read_wait_for(r, r->after[r->passed]);
	r->step = r->exports ? STEP_EXPORT : STEP_CACHED;
	return STEP_MORE;
}

/* --- L1 ------------------------------------------------------------------ */

static bool from_l1(struct request *r)
{
	struct worker *w = r->worker;
	struct api_metrics *m = w->metrics;
	r->times.asked |= 1U << TIER_L1;
	r->tier = TIER_L1;
	r->value = l1_get(w->app->l1, r->id, r->id_len, clock_mono());
	if (r->value && read_may_serve(r)) {
		metric_add(r->list ? &m->page_hit : &m->l1_hit, 1);
		return true;
	}
	if (r->value)
		metric_add(r->list ? &m->page_old : &m->l1_old, 1);
	else
		metric_add(r->list ? &m->page_miss : &m->l1_miss, 1);
	value_unref(&r->value);
	r->tier = TIER_NONE;
	return false;
}

enum step_result read_cached_step(struct request *r)
{
	r->way = lookup_way(r);
	bool l1 = r->way == LOOKUP_ALL || r->way == LOOKUP_CACHES;
	r->step = l1 && from_l1(r) ? STEP_READ_ANSWER : STEP_LOOKUP;
	return STEP_MORE;
}

/* --- the lookup ---------------------------------------------------------- */

enum step_result read_lookup_step(struct request *r)
{
	/* Again each time: what is known of commits may have changed. */
	r->way = lookup_way(r);
	if (r->way == LOOKUP_NONE) {
		r->failure = READ_UNCACHED;
		r->step = STEP_READ_ANSWER;
		return STEP_MORE;
	}
	if (!request_may_park(r))
		return too_busy(r);
	/* Before the database makes a page that nobody would get. */
	if (r->list && !budget_keeps(&budget_answers, 0))
		return no_room(r);
	if (r->deadline == 0)
		request_deadline(r, r->worker->app->settings->read_timeout);
	r->step = STEP_LANDED;
	lookup_join(r);
	return STEP_PARK;
}

enum step_result read_landed_step(struct request *r)
{
	r->step = STEP_READ_ANSWER;
	if (r->value && read_may_serve(r))
		return STEP_MORE;
	/* A commit was heard of while the result was on its way: again. */
	if (r->value && !r->expired && clock_mono() < r->deadline) {
		value_unref(&r->value);
		r->step = STEP_LOOKUP;
		return STEP_MORE;
	}
	value_unref(&r->value);
	r->tier = TIER_NONE;
	if (r->failure != READ_OK)
		return STEP_MORE;
	bool behind = r->skipped & SKIP_PRIMARY_BEHIND;
	r->failure = r->way == LOOKUP_CACHES ? READ_UNCACHED
		     : behind		     ? READ_NOT_REACHED
					     : READ_UNAVAILABLE;
	return STEP_MORE;
}

/* --- the answer ---------------------------------------------------------- */

static void count_tier(struct request *r)
{
	struct api_metrics *m = r->worker->metrics;
	switch (r->tier) {
	case TIER_NONE:
		if (r->failure == READ_UNCACHED)
			metric_add(&m->read_uncached, 1);
		else if (r->failure != READ_REFUSED)
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

/* What L1 has, it counts itself, as long as it has it. */
static bool has_room(const struct request *r)
{
	httpd_holds(r->connection, r->value->len);
	return r->tier == TIER_L1 || !r->value->present ||
	       budget_keeps(&budget_answers, r->value->len);
}

/* The Link of a page repeats the filters. */
static bool link_fits(const struct request *r)
{
	const struct value_page *page = r->value->page;
	return page == NULL || page->next == NULL ||
	       header_budget_for_link(r, strlen(page->next));
}

enum step_result read_answer_step(struct request *r)
{
	count_tier(r);
	/* It is read since it was written, and that is no failure. */
	if (r->failure != READ_OK && r->has_position)
		return r->route->surface->receipt(r);
	switch (r->failure) {
	case READ_NOT_REACHED:
		return answer_problem(r, PROBLEM_POSITION_NOT_REACHED,
		    "The database is behind a known commit; it "
		    "catches up by itself.");
	case READ_UNCACHED:
		return answer_problem(r, PROBLEM_ONLY_IF_CACHED, NULL);
	case READ_UNAVAILABLE:
		return answer_problem(r, PROBLEM_STORE_UNAVAILABLE, NULL);
	case READ_TOO_LARGE:
		return answer_problem(r, PROBLEM_ROW_TOO_LARGE,
		    "The row was not written through this API, or it was "
		    "written before the setting document.max_bytes was "
		    "lowered. Replace or delete it.");
	case READ_LATE:
		return answer_problem(r, PROBLEM_STORE_UNAVAILABLE,
		    "The list takes longer than the setting read.timeout "
		    "allows.");
	case READ_REFUSED:
		return answer_problem(r,
		    r->list->cursor ? PROBLEM_INVALID_CURSOR
				    : PROBLEM_INVALID_FILTER,
		    "The database cannot compare a field with this value.");
	case READ_OK:
		break;
	}
	if (!has_room(r))
		return no_room(r);
	if (!link_fits(r))
		return answer_problem(r, PROBLEM_INVALID_FILTER,
		    "There is a next page, but the filters are too long for "
		    "the Link header: use fewer filter values or a higher "
		    "limit.");
	return r->route->surface->read(r);
}

/* What is no key of the collection is no row's: it is absent, and nothing is
 * asked for it. */
static enum step_result read_no_key(
    struct request *r, const char *key, size_t len)
{
	r->reading = true;
	r->way = LOOKUP_NONE;
	return r->route->surface->absent(r, key, len);
}

bool read_release(struct request *r)
{
	if (r->in_flight && !lookup_leave(r))
		return false;
	r->in_flight = false;
	export_free(&r->export);
	return true;
}

void read_free(struct request *r)
{
	value_unref(&r->value);
	list_query_unref(&r->list);
	free(r->after);
}

const struct feature read_feature = {
    .first = STEP_READ,
    .no_key = read_no_key,
    .release = read_release,
    .free = read_free,
};
