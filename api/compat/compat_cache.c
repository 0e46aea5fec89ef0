/* Performance is measured by reads of one document, one after the other: from
 * L1, and from Postgres past the caches. The answer has the median of each.
 */
#include "api/compat/compat_cache.h"

#include "api/cache/floors.h"
#include "api/cache/l1.h"
#include "api/core/answer.h"
#include "api/core/settings.h"
#include "api/read/lookup.h"
#include "api/read/read.h"
#include "common/base/mem.h"
#include "common/http/http_head.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROUNDS = 21, TRIES = 100 };

/* The state of a request of these routes. */
struct compat_op {
	size_t rounds, tries;
	mono_us_t began;
	double cached[ROUNDS], database[ROUNDS]; /* seconds */
};

static void compat_enter(struct request *r)
{
	r->compat = MEM_NEW(struct compat_op);
}

static void compat_free(struct request *r)
{
	free(r->compat);
	r->compat = NULL;
}

/* --- performance --------------------------------------------------------- */

static double seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double median(double *all)
{
	qsort(all, ROUNDS, sizeof *all, by_size);
	return all[ROUNDS / 2];
}

/* Chooses a document that is in L1. If there is none, chooses a row that does
 * not exist; its absence is cached, too. */
static void choose(struct request *r)
{
	char id[COLLECTION_NAME_MAX + 1 + COLLECTION_KEY_MAX];
	size_t len =
	    l1_sample(r->thread->instance->l1, clock_mono(), id, sizeof id);
	const char *slash = len ? memchr(id, '/', len) : NULL;
	const struct collection *c =
	    slash ? collection_find(id, (size_t)(slash - id)) : NULL;
	if (c) {
		request_target(r, c, slash + 1, len - (size_t)(slash + 1 - id));
		return;
	}
	c = collection_at(0);
	bool uuid = c->key == KEY_UUIDV7;
	const char *none = uuid ? "00000000-0000-7000-8000-000000000000" : "0";
	request_target(r, c, none, strlen(none));
}

/* Reads past the caches, as with `no-cache`; the caches keep the value. */
static enum step_result next_round(struct request *r)
{
	r->compat->began = clock_mono();
	r->read->way = LOOKUP_FRESH;
	r->step = STEP_SEED_TIMED;
	value_unref(&r->read->value);
	lookup_join(r);
	return STEP_PARK;
}

enum step_result seed_measure_step(struct request *r)
{
	if (!request_may_park(r))
		return answer_problem(r, PROBLEM_BUFFER_FULL, NULL);
	choose(r);
	request_deadline(r, r->thread->instance->settings->read_timeout);
	return next_round(r);
}

static bool time_cached(struct request *r, double *out)
{
	struct instance *instance = r->thread->instance;
	double from = seconds();
	struct value *v =
	    l1_get(instance->l1, r->target.id, r->target.id_len, clock_mono());
	bool current =
	    v && floors_allow(instance->floors, r->target.slot, v->as_of);
	value_unref(&v);
	*out = seconds() - from;
	return current;
}

static enum step_result answer_measure(struct request *r)
{
	struct compat_op *m = r->compat;
	double cached = median(m->cached), database = median(m->database);
	struct buf body = {0};
	buf_printf(&body,
	    "{\"cached_response_time\":%.9f,\"database_response_time\":%.9f,"
	    "\"performance_improvement\":\"%.2f%%\",\"rounds\":%d,"
	    "\"document\":",
	    cached, database,
	    cached < database ? 100 * (database - cached) / database : 0,
	    ROUNDS);
	buf_json(&body, r->target.id, r->target.id_len);
	buf_str(&body, "}\n");
	return answer_json(r, 200, &body);
}

enum step_result seed_timed_step(struct request *r)
{
	struct compat_op *m = r->compat;
	if (r->read->value == NULL)
		return answer_problem(r, PROBLEM_STORE_UNAVAILABLE, NULL);
	m->database[m->rounds] = (double)(clock_mono() - m->began) / 1e6;
	/* False if the document was written meanwhile, or if nothing is cached
	 * because commits are not heard. The round is then repeated. */
	m->rounds += time_cached(r, &m->cached[m->rounds]);
	if (m->rounds == ROUNDS)
		return answer_measure(r);
	if (++m->tries == TRIES)
		return answer_problem(r, PROBLEM_STORE_UNAVAILABLE,
		    "The cache does not keep this document.");
	return next_round(r);
}

static void measure_free(struct request *r)
{
	read_free(r);
	compat_free(r);
}

static void measure_enter(struct request *r)
{
	read_enter(r);
	compat_enter(r);
}

const struct feature measure_feature = {
    .first = STEP_SEED_MEASURE,
    .enter = measure_enter,
    .release = read_release,
    .free = measure_free,
};
