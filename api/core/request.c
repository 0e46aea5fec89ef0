#include "api/core/request.h"

#include "api/core/client_socket.h"
#include "api/list/list_query.h"
#include "common/base/check.h"
#include "common/base/mem.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
	/* How often a parked request is looked at for a client that left. */
	PEEK_US = 1000000,
	DRAIN_KEY_US = 1000000,
};

/* --- parking ------------------------------------------------------------- */

void request_park(struct request *r)
{
	struct worker *w = r->worker;
	CHECK(!r->parked);
	r->parked = true;
	r->prev_parked = NULL;
	r->next_parked = w->parked;
	if (w->parked)
		w->parked->prev_parked = r;
	w->parked = r;
	w->nparked++;
	atomic_fetch_add(&w->app->parked, 1);
	metric_add(&w->metrics->parked, 1);
	MHD_suspend_connection(r->connection);
}

static void unpark(struct request *r)
{
	struct worker *w = r->worker;
	*(r->prev_parked ? &r->prev_parked->next_parked : &w->parked) =
	    r->next_parked;
	if (r->next_parked)
		r->next_parked->prev_parked = r->prev_parked;
	r->parked = false;
	w->nparked--;
	atomic_fetch_sub(&w->app->parked, 1);
	metric_add(&w->metrics->parked, -1);
}

bool request_may_park(struct request *r)
{
	struct app *app = r->worker->app;
	return atomic_load(&app->parked) < (size_t)app->settings->max_parked;
}

void request_deadline(struct request *r, dur_us_t after)
{
	r->deadline = clock_mono() + after;
	r->expired = false;
}

void request_resume(struct request *r)
{
	CHECK(r->magic == REQUEST_MAGIC && r->parked);
	unpark(r);
	httpd_resume(r->worker->httpd, r->connection);
}

bool request_release(struct request *r)
{
	if (r->feature && r->feature->release && !r->feature->release(r))
		return false;
	waiters_remove(r->worker->waits, &r->wait);
	return true;
}

/* Asked once in a while: of thousands that wait, the kernel would otherwise be
 * asked all the time. */
static bool request_client_left(struct request *r, mono_us_t now)
{
	if (now - r->peeked <= PEEK_US)
		return false;
	r->peeked = now;
	return client_socket_has_left(r->connection);
}

/* A drain does not wait for commits: receipts are due. It waits a moment for a
 * key, which the primary has to give, and for everything else no longer than
 * half of its time. */
static bool must_hurry(const struct request *r, mono_us_t now)
{
	const struct worker *w = r->worker;
	dur_us_t most = w->app->settings->common.drain_timeout / 2;
	dur_us_t spent = now - w->drained_since;
	if (!w->draining)
		return false;
	return r->wait.waiting || r->changes || spent > most ||
	       (r->awaits_key && spent > DRAIN_KEY_US);
}

void request_sweep(struct worker *w)
{
	mono_us_t now = clock_mono();
	struct request *next;
	for (struct request *r = w->parked; r; r = next) {
		next = r->next_parked;
		bool late = now >= r->deadline;
		bool left = !late && request_client_left(r, now);
		bool hurry = must_hurry(r, now);
		if ((!late && !left && !hurry) || !request_release(r))
			continue;
		r->expired = late || hurry;
		r->gone = left;
		if (left)
			metric_add(&w->metrics->parked_gone, 1);
		request_resume(r);
	}
}

void request_passed(struct worker *w, int32_t partition)
{
	version_t through = tail_through(w->app->tail, partition);
	struct wait *wait;
	while ((wait = waiters_pass(w->waits, partition, through)) != NULL) {
		struct request *r =
		    (struct request *)((char *)wait -
				       offsetof(struct request, wait));
		request_resume(r);
	}
}

void request_keys(struct worker *w)
{
	struct request *next;
	for (struct request *r = w->parked; r; r = next) {
		next = r->next_parked;
		if (r->awaits_key)
			request_resume(r);
	}
}

static void resume_those_behind(void *arg)
{
	struct worker *w = arg;
	struct request *next;
	for (struct request *r = w->parked; r; r = next) {
		next = r->next_parked;
		if (!r->gives_way)
			continue;
		r->gives_way = false;
		request_resume(r);
	}
}

void request_gave_way(struct worker *w)
{
	loop_post(w->loop, resume_those_behind, w);
}

void request_landed(struct request *r, const struct lookup_result *result)
{
	CHECK(r->magic == REQUEST_MAGIC && r->in_flight);
	r->in_flight = false;
	value_unref(&r->value);
	if (result->value)
		r->value = value_ref(result->value);
	r->tier = result->tier;
	r->skipped = result->skipped;
	r->failure = result->failure;
	tier_times_add(&r->times, &result->times);
	request_resume(r);
}

void request_target(
    struct request *r, const struct collection *c, const char *key, size_t len)
{
	size_t prefix = strlen(c->name) + 1;
	r->collection = c;
	free(r->id);
	r->id_len = prefix + len;
	r->id = mem_alloc(r->id_len + 1);
	memcpy(r->id, c->name, prefix - 1);
	r->id[prefix - 1] = '/';
	memcpy(r->id + prefix, key, len);
	r->id[r->id_len] = '\0';
	r->key = r->id + prefix;
	r->key_len = len;
	r->slot = keyspace_slot(r->id, r->id_len, r->worker->app->partitions);
}

void request_page(struct request *r)
{
	struct buf id = {0};
	list_query_id(&id, r->list);
	free(r->id);
	r->id = buf_take(&id, &r->id_len);
}

const char *request_header(const struct request *r, const char *name)
{
	return MHD_lookup_connection_value(
	    r->connection, MHD_HEADER_KIND, name);
}

struct lines {
	const char *name;
	struct buf *out;
};

static enum MHD_Result add_line(
    void *arg, enum MHD_ValueKind kind, const char *name, const char *value)
{
	const struct lines *lines = arg;
	(void)kind;
	if (value == NULL || strcasecmp(name, lines->name) != 0)
		return MHD_YES;
	size_t len = strlen(value);
	while (len && memchr(" \t", value[len - 1], 2))
		len--;
	buf_str(lines->out, lines->out->len ? ", " : "");
	buf_add(lines->out, value, len);
	return MHD_YES;
}

const char *request_list(
    const struct request *r, const char *name, struct buf *out)
{
	struct lines lines = {name, out};
	if (request_header(r, name) == NULL)
		return NULL;
	MHD_get_connection_values(
	    r->connection, MHD_HEADER_KIND, add_line, &lines);
	return out->data ? out->data : "";
}
