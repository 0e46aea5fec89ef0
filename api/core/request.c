#include "api/core/request.h"

#include "api/core/metrics.h"
#include "api/core/settings.h"
#include "common/base/check.h"
#include "common/base/loop.h"
#include "common/base/mem.h"
#include "common/http/client_socket.h"
#include "common/http/httpd.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
	/* Interval at which a parked request checks whether its client has
	 * left. */
	PEEK_US = 1000000,
	DRAIN_KEY_US = 1000000,
};

/* --- parking ------------------------------------------------------------- */

void request_park(struct request *r)
{
	struct thread *t = r->thread;
	CHECK(!r->parking.on);
	r->parking.on = true;
	r->parking.prev = NULL;
	r->parking.next = t->parked;
	if (t->parked)
		t->parked->parking.prev = r;
	t->parked = r;
	t->nparked++;
	atomic_fetch_add(&t->instance->parked, 1);
	metric_add(&t->metrics->parked, 1);
	MHD_suspend_connection(r->connection);
}

static void unpark(struct request *r)
{
	struct thread *t = r->thread;
	*(r->parking.prev ? &r->parking.prev->parking.next : &t->parked) =
	    r->parking.next;
	if (r->parking.next)
		r->parking.next->parking.prev = r->parking.prev;
	r->parking.on = false;
	t->nparked--;
	atomic_fetch_sub(&t->instance->parked, 1);
	metric_add(&t->metrics->parked, -1);
}

bool request_may_park(struct request *r)
{
	struct instance *instance = r->thread->instance;
	return atomic_load(&instance->parked) <
	       (size_t)instance->settings->max_parked;
}

void request_deadline(struct request *r, dur_us_t after)
{
	r->parking.deadline = clock_mono() + after;
	r->parking.expired = false;
}

void request_resume(struct request *r)
{
	CHECK(r->magic == REQUEST_MAGIC && r->parking.on);
	unpark(r);
	httpd_resume(r->thread->httpd, r->connection);
}

bool request_release(struct request *r)
{
	if (r->feature && r->feature->release && !r->feature->release(r))
		return false;
	waiters_remove(r->thread->waits, &r->parking.wait);
	return true;
}

/* Asks the kernel only once per interval, because thousands of requests may be
 * parked. */
static bool request_client_left(struct request *r, mono_us_t now)
{
	if (now - r->parking.peeked <= PEEK_US)
		return false;
	r->parking.peeked = now;
	return client_socket_has_left(r->connection);
}

/* In a drain, a request does not wait for commits: it answers with a receipt.
 * It waits a moment for a key, which the primary has to reserve. For everything
 * else it waits at most half of the drain timeout. */
static bool must_hurry(const struct request *r, mono_us_t now)
{
	const struct thread *t = r->thread;
	dur_us_t most = t->instance->settings->common.drain_timeout / 2;
	dur_us_t spent = now - t->drained_since;
	if (!t->draining)
		return false;
	return r->parking.wait.waiting || r->parking.why == PARKED_FOR_FEED ||
	       spent > most ||
	       (r->parking.why == PARKED_FOR_KEY && spent > DRAIN_KEY_US);
}

void request_sweep(struct thread *t)
{
	mono_us_t now = clock_mono();
	struct request *next;
	for (struct request *r = t->parked; r; r = next) {
		next = r->parking.next;
		bool late = now >= r->parking.deadline;
		bool left = !late && request_client_left(r, now);
		bool hurry = must_hurry(r, now);
		if ((!late && !left && !hurry) || !request_release(r))
			continue;
		r->parking.expired = late || hurry;
		r->parking.gone = left;
		if (left)
			metric_add(&t->metrics->parked_gone, 1);
		request_resume(r);
	}
}

void request_passed(struct thread *t, int32_t partition, version_t through)
{
	struct wait *wait;
	while ((wait = waiters_pass(t->waits, partition, through)) != NULL) {
		struct request *r =
		    (struct request *)((char *)wait -
				       offsetof(struct request, parking.wait));
		request_resume(r);
	}
}

void request_keys(struct thread *t)
{
	struct request *next;
	for (struct request *r = t->parked; r; r = next) {
		next = r->parking.next;
		if (r->parking.why == PARKED_FOR_KEY)
			request_resume(r);
	}
}

static void resume_those_behind(void *arg)
{
	struct thread *t = arg;
	struct request *next;
	for (struct request *r = t->parked; r; r = next) {
		next = r->parking.next;
		if (r->parking.why != PARKED_FOR_TURN)
			continue;
		r->parking.why = PARKED_FOR_ANSWER;
		request_resume(r);
	}
}

void request_gave_way(struct thread *t)
{
	loop_post(t->loop, resume_those_behind, t);
}

static void request_set_id(
    struct request *r, const char *name, const char *key, size_t len)
{
	size_t prefix = strlen(name) + 1;
	free(r->target.id);
	r->target.id_len = prefix + len;
	r->target.id = mem_alloc(r->target.id_len + 1);
	memcpy(r->target.id, name, prefix - 1);
	r->target.id[prefix - 1] = '/';
	memcpy(r->target.id + prefix, key, len);
	r->target.id[r->target.id_len] = '\0';
	r->target.key = r->target.id + prefix;
	r->target.key_len = len;
	r->target.slot = keyspace_slot(
	    r->target.id, r->target.id_len, r->thread->instance->partitions);
}

void request_target(
    struct request *r, const struct collection *c, const char *key, size_t len)
{
	r->target.collection = c;
	request_set_id(r, c->name, key, len);
}

void request_group(struct request *r, const char *group, size_t len)
{
	r->target.collection = NULL;
	request_set_id(r, KEYSPACE_BATCH, group, len);
	r->target.slot =
	    keyspace_group_slot((struct key_group){r->target.key, len},
		r->thread->instance->partitions);
}

const char *request_owner(const struct request *r)
{
	const struct owner *owner = &r->target.collection->owner;
	CHECK(r->right == RIGHT_OWN && owner->field != NULL);
	return r->principal->claims[owner->claim];
}

const char *request_method(const struct request *r)
{
	static const char *const known[] = {
	    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};
	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		if (strcmp(r->method, known[i]) == 0)
			return known[i];
	}
	return "_OTHER";
}

const char *request_id(struct request *r)
{
	if (r->id)
		return r->id;
	r->id = r->given_id;
	if (r->id == NULL || !request_id_is_valid(r->id)) {
		request_id_make(r->own_id);
		r->id = r->own_id;
	}
	return r->id;
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
