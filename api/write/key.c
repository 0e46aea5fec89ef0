/* The key of a row that a POST creates without naming it. With an
 * Idempotency-Key, the key belongs to the home partition (api/write/home.h).
 *
 * Integers come from the reserved blocks (api/write/id_blocks.h). If there is
 * none, the request parks. When ids arrive, every thread resumes its requests
 * that wait for a key, and they try again. While the primary is away, ids may
 * not arrive; then these requests end at their deadlines.
 */
#include "api/core/answer.h"
#include "api/core/request.h"
#include "api/core/settings.h"
#include "api/write/home.h"
#include "api/write/id_blocks.h"
#include "api/write/id_reserve.h"
#include "api/write/uuidv7.h"
#include "api/write/write.h"
#include "common/base/random.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static enum step_result have(struct request *r, const char *key)
{
	request_target(r, r->target.collection, key, strlen(key));
	r->step = STEP_APPEND;
	return STEP_MORE;
}

static struct home home(const struct request *r)
{
	return home_of(r->write->idempotency_key,
	    strlen(r->write->idempotency_key), r->target.collection,
	    r->thread->instance->partitions);
}

static bool take_integer(const struct request *r, int64_t *id)
{
	struct id_blocks *ids = r->thread->instance->ids;
	if (r->write->idempotency_key == NULL)
		return id_blocks_take(ids, r->target.collection->index, id);
	const struct home h = home(r);
	return id_blocks_take_at(ids, &h, id);
}

static enum step_result have_integer(struct request *r)
{
	struct instance *instance = r->thread->instance;
	char key[24];
	int64_t id;
	bool first = r->parking.why != PARKED_FOR_KEY;
	r->parking.why = PARKED_FOR_ANSWER;
	bool any = take_integer(r, &id);
	id_reserve_ids(r->thread, r->target.collection);
	if (any) {
		snprintf(key, sizeof key, "%" PRId64, id);
		return have(r, key);
	}
	if (r->parking.expired || (first && !request_may_park(r))) {
		metric_add(&r->thread->metrics->write_refused, 1);
		return answer_problem(r, PROBLEM_STORE_UNAVAILABLE,
		    "No key could be reserved for the row, so it was not "
		    "accepted.");
	}
	if (first)
		request_deadline(r, instance->settings->read_timeout);
	r->parking.why = PARKED_FOR_KEY;
	return STEP_PARK;
}

static enum step_result have_uuid(struct request *r)
{
	char key[UUIDV7_LEN];
	wall_us_t now = clock_wall();
	uint64_t a = random_bits(), b = random_bits();
	if (r->write->idempotency_key) {
		const struct home h = home(r);
		home_uuid(&h, now, a, b, key);
	} else {
		uuidv7_make(now, a, b, key);
	}
	return have(r, key);
}

enum step_result write_key_step(struct request *r)
{
	return r->target.collection->key == KEY_INTEGER ? have_integer(r)
							: have_uuid(r);
}
