/* Sends the items of a bulk to the log. Each item gets its key and is appended.
 * It has a result when the log has acknowledged it.
 *
 * Integer keys come from the same source as for one document (api/write/key.c).
 * If one item has waited for a key and got none, the next items do not wait,
 * until there are keys again.
 */
#include "api/bulk/bulk_priv.h"
#include "api/commits/backlog.h"
#include "api/commits/epoch.h"
#include "api/write/id_blocks.h"
#include "api/write/id_reserve.h"
#include "api/write/uuidv7.h"
#include "api/write/write.h"
#include "common/base/entropy.h"
#include "common/base/mem.h"

#include <inttypes.h>
#include <stdlib.h>

/* Maximum of unacknowledged items and bytes of one bulk. */
enum { WINDOW_ITEMS = 4096, WINDOW_BYTES = 4 * 1024 * 1024 };

static void unlink_sent(struct bulk *b, struct sent *s)
{
	*(s->prev ? &s->prev->next : &b->sent) = s->next;
	if (s->next)
		s->next->prev = s->prev;
	b->nsent--;
	b->sent_bytes -= s->bytes;
}

static void note_delivery(struct request *r, size_t i, const struct delivery *d)
{
	struct bulk *b = r->bulk;
	struct api_metrics *m = r->thread->metrics;
	struct position p = {.partition = d->partition};
	switch (d->status) {
	case DELIVERY_OK:
		metric_add(&m->write_acked, 1);
		backlog_acked(
		    r->thread->instance->backlog, d->partition, d->offset);
		bool known = epoch_position(
		    r->thread->instance, d->partition, d->offset, &p.version);
		bulk_results_accepted(&b->results, i, known ? &p : NULL);
		break;
	case DELIVERY_FAILED:
		metric_add(&m->write_refused, 1);
		bulk_results_problem(
		    &b->results, i, PROBLEM_LOG_UNAVAILABLE, NULL);
		break;
	case DELIVERY_UNKNOWN:
		metric_add(&m->write_unknown, 1);
		bulk_results_problem(
		    &b->results, i, PROBLEM_OUTCOME_UNKNOWN, NULL);
		break;
	}
}

static void bulk_send_on_acked(void *arg, const struct delivery *d)
{
	struct sent *s = arg;
	struct request *r = s->request;
	struct bulk *b = r->bulk;
	note_delivery(r, s->index, d);
	unlink_sent(b, s);
	free(s);
	if (r->parking.on && r->parking.why != PARKED_FOR_KEY &&
	    b->nsent <= b->wake_at)
		request_resume(r);
}

/* False: the producer's queue is full. */
static bool bulk_send_append(struct request *r, const char *id, size_t id_len)
{
	struct bulk *b = r->bulk;
	const struct validation *v = &b->item;
	const struct buf *doc = v->filled.len ? &v->filled : &b->split.text;
	struct sent *s = MEM_NEW(struct sent);
	*s = (struct sent){.request = r, .index = b->index, .bytes = doc->len};
	const struct append_request a = {
	    .loop = r->thread->loop,
	    .partition =
		keyspace_slot(id, id_len, r->thread->instance->partitions)
		    .partition,
	    .write = {.op = RECORD_PUT,
		.id = id,
		.id_len = id_len,
		.body = doc->data,
		.body_len = doc->len,
		.condition = RECORD_CREATE,
		.versions = "",
		.shape = r->target.collection->shape,
		.by = write_by(r)},
	    .traceparent = request_header(r, "traceparent"),
	    .done = bulk_send_on_acked,
	    .arg = s,
	};
	struct err e =
	    write_log_append(r->thread->instance->write_log, &a, &s->append);
	if (e.kind != ERR_KIND_OK) {
		free(s);
		return false;
	}
	s->next = b->sent;
	if (s->next)
		s->next->prev = s;
	b->sent = s;
	b->nsent++;
	b->sent_bytes += s->bytes;
	return true;
}

static void drop_held(struct bulk *b)
{
	validation_free(&b->item);
	b->item = (struct validation){0};
	b->held = false;
}

static bool refuse_held(struct request *r, enum problem p)
{
	bulk_results_problem(&r->bulk->results, r->bulk->index, p, NULL);
	metric_add(&r->thread->metrics->write_refused, 1);
	drop_held(r->bulk);
	return true;
}

/* False: no integer key is available yet. */
static bool have_key(struct request *r)
{
	struct buf *key = &r->bulk->item.key;
	const struct collection *c = r->target.collection;
	if (key->len == 0 && c->key == KEY_INTEGER) {
		int64_t id;
		bool any =
		    id_blocks_take(r->thread->instance->ids, c->index, &id);
		id_reserve_ids(r->thread, c);
		if (!any)
			return false;
		buf_printf(key, "%" PRId64, id);
	} else if (key->len == 0) {
		char text[UUIDV7_LEN];
		uuidv7_make(clock_wall(), entropy_bits(), entropy_bits(), text);
		buf_str(key, text);
	}
	return true;
}

/* Sends the held item, or gives it a result. False: it must wait. */
static bool send_held(struct request *r)
{
	struct bulk *b = r->bulk;
	struct write_refusal refusal;
	r->parking.why = PARKED_FOR_ANSWER;
	if (write_refused(r->thread, r->target.collection, &refusal))
		return refuse_held(r, refusal.problem);
	bool keys = have_key(r);
	b->no_keys = !keys && (b->no_keys || r->parking.expired);
	if (!keys && !b->no_keys)
		r->parking.why = PARKED_FOR_KEY;
	if (!keys)
		return b->no_keys && refuse_held(r, PROBLEM_STORE_UNAVAILABLE);
	struct buf id = {0};
	const struct buf *key = &b->item.key;
	buf_printf(&id, "%s/", r->target.collection->name);
	buf_add(&id, key->data, key->len);
	bool sent = bulk_send_append(r, id.data, id.len);
	buf_free(&id);
	if (!sent) {
		b->wake_at = b->nsent - 1;
		return b->nsent == 0 && refuse_held(r, PROBLEM_BUFFER_FULL);
	}
	bulk_results_key(&b->results, b->index, key->data, key->len);
	drop_held(b);
	return true;
}

bool bulk_may_go_on(struct request *r)
{
	struct bulk *b = r->bulk;
	if (b->held && !send_held(r))
		return false;
	b->wake_at = WINDOW_ITEMS / 2;
	return b->nsent < WINDOW_ITEMS && b->sent_bytes < WINDOW_BYTES;
}

bool bulk_all_sent(struct request *r)
{
	struct bulk *b = r->bulk;
	if (b->held && !send_held(r))
		return false;
	b->wake_at = 0;
	return b->nsent == 0;
}

void bulk_release(struct bulk *b)
{
	while (b->sent) {
		struct sent *s = b->sent;
		metric_add(&s->request->thread->metrics->write_unknown, 1);
		bulk_results_problem(
		    &b->results, s->index, PROBLEM_OUTCOME_UNKNOWN, NULL);
		write_log_abandon(s->append);
		unlink_sent(b, s);
		free(s);
	}
}
