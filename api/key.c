/* The key of a row that a POST makes and does not name.
 *
 * Integers come from what is reserved (api/ids.h). Who finds none parks; what
 * arrives wakes every thread's waiting requests, which try again. While the
 * primary is away nothing arrives, and they end at their deadline.
 */
#include "api/answer.h"
#include "api/request.h"
#include "api/reserve.h"
#include "common/entropy.h"
#include "common/uuidv7.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static enum step_result have(struct request *r, const char *key)
{
	request_target(r, r->collection, key, strlen(key));
	r->step = STEP_APPEND;
	return STEP_MORE;
}

static enum step_result have_integer(struct request *r)
{
	struct app *app = r->worker->app;
	char key[24];
	int64_t id;
	bool first = !r->awaits_key;
	r->awaits_key = false;
	bool any = ids_take(app->ids, r->collection->index, &id);
	reserve_ids(r->worker, r->collection);
	if (any) {
		snprintf(key, sizeof key, "%" PRId64, id);
		return have(r, key);
	}
	if (r->expired || (first && !request_may_park(r))) {
		metric_add(&r->worker->metrics->write_refused, 1);
		return answer_problem(r, PROBLEM_STORE_UNAVAILABLE,
		    "No key could be reserved for the row; it was not "
		    "accepted.");
	}
	if (first)
		request_deadline(r, app->settings->read_timeout);
	r->awaits_key = true;
	return STEP_PARK;
}

enum step_result write_key_step(struct request *r)
{
	char key[UUIDV7_LEN];
	if (r->collection->key == KEY_INTEGER)
		return have_integer(r);
	uuidv7_make(clock_wall(), entropy_bits(), entropy_bits(), key);
	return have(r, key);
}
