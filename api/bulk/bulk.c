#include "api/bulk/bulk_priv.h"
#include "api/core/admission.h"
#include "api/core/guard.h"
#include "api/core/media.h"
#include "api/core/offer.h"
#include "api/core/settings.h"
#include "api/limits/budget.h"
#include "api/read/read.h"
#include "api/write/native.h"
#include "api/write/write.h"
#include "common/base/check.h"
#include "common/base/mem.h"
#include "common/http/http_head.h"
#include "common/http/httpd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The working time of a bulk before other requests get their turn. An item is
 * not interrupted. */
#define SLICE CLOCK_MS(1)

/* --- the end of reading -------------------------------------------------- */

static void bulk_stop(struct bulk *b, enum problem p, const char *detail)
{
	if (b->stopped)
		return;
	b->stopped = true;
	b->finished = true;
	b->problem = p;
	snprintf(b->detail, sizeof b->detail, "%s", detail ? detail : "");
}

static void stop_at(
    struct bulk *b, enum problem p, size_t offset, const char *detail)
{
	bulk_stop(b, p, detail);
	b->has_offset = true;
	b->offset = offset;
}

void bulk_not_json(struct bulk *b, size_t offset, const char *what)
{
	char detail[200];
	snprintf(detail, sizeof detail, "%s (at byte %zu)", what, offset);
	stop_at(b, PROBLEM_INVALID_JSON, offset, detail);
}

/* --- items from the body ------------------------------------------------- */

static void bulk_hear(struct request *r, enum bulk_split_what what)
{
	struct bulk *b = r->bulk;
	const struct api_settings *settings = r->thread->instance->settings;
	bool item = what == BULK_SPLIT_ITEM || what == BULK_SPLIT_LONG;
	if (b->split.taken > (size_t)settings->max_bulk)
		stop_at(b, PROBLEM_TOO_LARGE, (size_t)settings->max_bulk,
		    "The body of a bulk request is larger than the setting "
		    "http.max_bulk allows.");
	else if (item && b->results.n == (size_t)settings->max_bulk_items)
		stop_at(b, PROBLEM_TOO_LARGE, b->split.at,
		    "The bulk request has more items than the setting "
		    "http.max_bulk_items allows.");
	else if (what == BULK_SPLIT_ITEM)
		bulk_take_item(r);
	else if (what == BULK_SPLIT_LONG)
		bulk_results_problem(&b->results, bulk_results_add(&b->results),
		    PROBLEM_TOO_LARGE, NULL);
	else if (what == BULK_SPLIT_FAULT)
		bulk_not_json(b, b->split.at, b->split.fault);
	else if (what == BULK_SPLIT_END)
		b->finished = true;
}

/* Counts the memory of the item's text and of all results. */
static void count_memory(struct request *r)
{
	struct bulk *b = r->bulk;
	size_t n = b->split.text.cap + b->item.filled.cap +
		   bulk_results_memory(&b->results);
	if (n == b->memory)
		return;
	httpd_holds(r->connection, n);
	if (budget_take(&budget_bodies, &b->memory, n))
		return;
	budget_set(&budget_bodies, &b->memory, n);
	stop_at(b, PROBLEM_BUFFER_FULL, b->split.at,
	    "The bodies of requests in progress use all the memory that the "
	    "setting http.body_budget allows.");
}

/* Outcomes are taken now, because the ring of outcomes may not have them later.
 */
static void wait_for_log(struct request *r)
{
	if (r->write->wait_for)
		bulk_settle(r);
	request_deadline(r, r->thread->instance->settings->write_timeout);
}

/* Takes bytes of a piece, at most up to the end of an item. */
static size_t bulk_take_piece(struct request *r, const char *data, size_t len)
{
	struct bulk *b = r->bulk;
	mono_us_t begin = clock_mono();
	size_t used;
	r->parking.expired = false;
	bulk_hear(r, bulk_split_feed(&b->split, data, len, &used));
	b->busy += clock_mono() - begin;
	return used;
}

/* Lets the other requests of this thread run first. */
static void give_way(struct request *r)
{
	r->bulk->busy = 0;
	r->parking.why = PARKED_FOR_TURN;
	metric_add(&r->thread->metrics->bulk_pauses, 1);
	request_deadline(r, r->thread->instance->settings->write_timeout);
	request_gave_way(r->thread);
}

static bool bulk_take(
    struct request *r, const char *data, size_t len, size_t *taken)
{
	struct bulk *b = r->bulk;
	*taken = 0;
	if (r->parking.why == PARKED_FOR_TURN)
		r->parking.why = PARKED_FOR_ANSWER;
	/* Not parked when all bytes are taken: libmicrohttpd may have the next
	 * piece already, and would deliver it although the connection is
	 * suspended. */
	while (!b->stopped && *taken < len) {
		if (!bulk_may_go_on(r)) {
			wait_for_log(r);
			return false;
		}
		if (b->busy > SLICE) {
			give_way(r);
			return false;
		}
		*taken += bulk_take_piece(r, data + *taken, len - *taken);
		count_memory(r);
	}
	/* Sends the last item now if possible, not when more bytes arrive. */
	if (!b->stopped)
		(void)bulk_may_go_on(r);
	*taken = len; /* after a fault, the rest is skipped */
	return true;
}

/* --- the beginning ------------------------------------------------------- */

static void refuse_header(struct bulk *b, const char *name, const char *why)
{
	violations_add(&b->header, name, "%s", why);
	bulk_stop(b, PROBLEM_VALIDATION, NULL);
}

static void check_headers(struct request *r)
{
	struct bulk *b = r->bulk;
	if (request_header(r, MHD_HTTP_HEADER_IF_MATCH))
		refuse_header(b, "If-Match",
		    b->operations
			? "each line may have an if_match"
			: "a POST creates rows, so there are none to match");
	if (b->operations && request_header(r, MHD_HTTP_HEADER_IF_NONE_MATCH))
		refuse_header(
		    b, "If-None-Match", "each line may have an if_none_match");
	if (request_header(r, "Idempotency-Key"))
		refuse_header(b, "Idempotency-Key",
		    b->operations
			? "each line may have an idempotency_key"
			: "not allowed in a bulk request; name the keys in "
			  "the items, or send operations with idempotency "
			  "keys to _bulk, so that a retry does not create "
			  "them twice");
}

/* --- the query ----------------------------------------------------------- */

#define ON_CONFLICT "on_conflict"

struct asked {
	char parameter[OFFER_NAME]; /* that is refused */
	const char *why;	    /* NULL: none is */
	bool given;
	enum on_conflict conflict;
};

static bool bulk_take_parameter(
    void *arg, const char *name, size_t name_len, const char *value, size_t len)
{
	static const char *const names[] = {"fail", "replace", "skip"};
	struct asked *a = arg;
	int k = ON_CONFLICT_FAIL;
	offer_name(a->parameter, name);
	if (value == NULL)
		a->why = OFFER_MALFORMED;
	else if (name_len != strlen(ON_CONFLICT) ||
		 memcmp(name, ON_CONFLICT, name_len) != 0)
		a->why = "A POST takes no parameter but on_conflict.";
	else if (a->given)
		a->why = "appears twice";
	else
		while (k <= ON_CONFLICT_SKIP &&
		       (strlen(names[k]) != len ||
			   memcmp(names[k], value, len) != 0))
			k++;
	if (k > ON_CONFLICT_SKIP)
		a->why = "must be fail, replace or skip";
	a->given = true;
	a->conflict = (enum on_conflict)k;
	return a->why == NULL;
}

static struct asked bulk_asked(const struct request *r)
{
	struct asked a = {.given = false};
	offer_each(r, bulk_take_parameter, &a);
	return a;
}

/* May the caller do what the items of the bulk do? */
static bool bulk_allowed(struct request *r)
{
	if (!admission_allows(r, VERB_bulk))
		return false;
	if (r->bulk->conflict != ON_CONFLICT_REPLACE)
		return true;
	/* The lesser of both rights counts. */
	enum right bulk = r->right, update = admission_right(r, VERB_update);
	r->right = update < bulk ? update : bulk;
	return r->right != RIGHT_NONE;
}

/* `before`: the number of blank bytes before the first item. */
static void bulk_begin(
    struct request *r, enum bulk_split_form form, size_t before)
{
	struct instance *instance = r->thread->instance;
	struct bulk *b = MEM_NEW(struct bulk);
	struct write_refusal refusal;
	r->bulk = b;
	b->operations = r->feature == &operations_feature;
	b->conflict = bulk_asked(r).conflict;
	b->results.skips = b->conflict == ON_CONFLICT_SKIP;
	bulk_split_start(&b->split, form, (size_t)instance->settings->max_item);
	b->split.taken = before;
	native_preferences(r);
	if (r->write->prefer.has_wait && !r->write->prefer.respond_async)
		r->write->wait_for = r->write->prefer.wait;
	size_t others = atomic_fetch_add(&instance->bulks, 1);
	metric_add(&r->thread->metrics->bulks, 1);
	check_headers(r);
	if (!bulk_allowed(r))
		bulk_stop(b, PROBLEM_FORBIDDEN, NULL);
	b->counted = guard_take(r, CLIENT_BULKS);
	if (!b->counted || others >= (size_t)instance->settings->max_bulks) {
		b->retry_s = 1;
		bulk_stop(b, PROBLEM_BUFFER_FULL,
		    "Too many bulk requests are in progress, in all "
		    "(http.max_bulks) or from this client "
		    "(http.client_share).");
	} else if (write_refused(r->thread, r->target.collection, &refusal)) {
		b->retry_s = refusal.retry_s;
		bulk_stop(b, refusal.problem, refusal.detail);
	}
}

/* The first byte of a JSON body that is not blank distinguishes an array of
 * documents from one document. For NDJSON, the head has decided. */
static void bulk_judge(struct request *r, const char *data, size_t len)
{
	size_t blanks = 0;
	while (blanks < len && memchr(" \t\r\n", data[blanks], 4))
		blanks++;
	r->write->judged = blanks < len;
	if (r->write->judged && data[blanks] == '[')
		bulk_begin(r, BULK_SPLIT_ARRAY, r->body.len);
}

static enum piece create_piece(
    struct request *r, const char *data, size_t len, size_t *taken)
{
	if (!r->write->judged)
		bulk_judge(r, data, len);
	if (r->bulk == NULL)
		return PIECE_WHOLE;
	return bulk_take(r, data, len, taken) ? PIECE_TAKEN : PIECE_PARK;
}

static enum step_result create_head(struct request *r)
{
	const struct asked a = bulk_asked(r);
	if (a.why)
		return offer_refuse(
		    r, PROBLEM_INVALID_FILTER, a.parameter, a.why);
	if (!media_is(r, NDJSON_TYPE))
		return STEP_MORE;
	r->write->judged = true;
	bulk_begin(r, BULK_SPLIT_LINES, 0);
	return r->bulk->stopped ? bulk_answer_step(r) : STEP_MORE;
}

enum step_result create_step(struct request *r)
{
	if (r->bulk == NULL && bulk_asked(r).given)
		return offer_refuse(r, PROBLEM_INVALID_FILTER, ON_CONFLICT,
		    "is for many documents: an array, or NDJSON");
	r->step = r->bulk ? STEP_BULK_END : STEP_WRITE;
	return STEP_MORE;
}

static enum step_result operations_head(struct request *r)
{
	r->write->judged = true;
	bulk_begin(r, BULK_SPLIT_LINES, 0);
	return r->bulk->stopped ? bulk_answer_step(r) : STEP_MORE;
}

/* --- the end ------------------------------------------------------------- */

/* The body is complete: waits for the last item and all acknowledgements. */
enum step_result bulk_end_step(struct request *r)
{
	struct bulk *b = r->bulk;
	while (!b->finished) {
		if (!bulk_may_go_on(r)) {
			wait_for_log(r);
			return STEP_PARK;
		}
		bulk_hear(r, bulk_split_finish(&b->split));
	}
	if (!bulk_all_sent(r)) {
		wait_for_log(r);
		return STEP_PARK;
	}
	request_deadline(r, r->write->wait_for);
	r->step = STEP_BULK_COMMIT;
	return STEP_MORE;
}

/* --- one document, or many ----------------------------------------------- */

static void bulk_free(struct request *r)
{
	struct bulk *b = r->bulk;
	if (b == NULL)
		return;
	bulk_release(b);
	atomic_fetch_sub(&r->thread->instance->bulks, 1);
	metric_add(&r->thread->metrics->bulks, -1);
	budget_set(&budget_bodies, &b->memory, 0);
	if (b->counted)
		guard_give(r, CLIENT_BULKS);
	bulk_split_free(&b->split);
	bulk_results_free(&b->results);
	violations_free(&b->header);
	bulk_drop_item(b);
	free(b);
	r->bulk = NULL;
}

static bool create_release(struct request *r)
{
	if (r->bulk)
		bulk_release(r->bulk);
	return write_release(r);
}

static void create_free(struct request *r)
{
	bulk_free(r);
	write_free(r);
}

const struct feature operations_feature = {
    .first = STEP_CREATE,
    .enter = write_enter,
    .head = operations_head,
    .piece = create_piece,
    .describe = write_describe,
    .source = write_source,
    .trace = write_trace,
    .release = create_release,
    .free = create_free,
};

const struct feature create_feature = {
    .first = STEP_CREATE,
    .takes_query = true,
    .enter = write_enter,
    .head = create_head,
    .piece = create_piece,
    .describe = write_describe,
    .source = write_source,
    .trace = write_trace,
    .release = create_release,
    .free = create_free,
};
