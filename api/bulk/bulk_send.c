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
#include "api/write/home.h"
#include "api/write/id_blocks.h"
#include "api/write/id_reserve.h"
#include "api/write/uuidv7.h"
#include "api/write/write.h"
#include "api/write/write_trace.h"
#include "common/base/mem.h"
#include "common/base/random.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

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
		write_count_accepted(r);
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
	write_trace_end(r, &s->send, d);
	note_delivery(r, s->index, d);
	unlink_sent(b, s);
	free(s);
	if (r->parking.on && r->parking.why != PARKED_FOR_KEY &&
	    b->nsent <= b->wake_at)
		request_resume(r);
}

/* False: the producer's queue is full. */
static bool bulk_send_append(struct request *r)
{
	struct bulk *b = r->bulk;
	const struct buf *id = &b->item.id;
	char text[TRACE_CONTEXT_LEN + 1];
	struct sent *s = MEM_NEW(struct sent);
	*s = (struct sent){
	    .request = r, .index = b->index, .bytes = b->item.document.len};
	struct append_request a = {
	    .loop = r->thread->loop,
	    .partition = keyspace_slot(
		id->data, id->len, r->thread->instance->partitions)
			     .partition,
	    .write = one_operation_record(&b->item),
	    .done = bulk_send_on_acked,
	    .arg = s,
	};
	a.write.by = write_by(r);
	a.write.traceparent = write_trace_begin(r, b->appended, text, &s->send);
	if (b->idempotency_key) {
		a.write.idempotency_key = b->idempotency_key;
		a.write.idempotency_len = strlen(b->idempotency_key);
		a.write.fingerprint = b->fingerprint;
	}
	struct err e =
	    write_log_append(r->thread->instance->write_log, &a, &s->append);
	if (e.kind != ERR_KIND_OK) {
		free(s);
		return false;
	}
	b->appended++;
	s->next = b->sent;
	if (s->next)
		s->next->prev = s;
	b->sent = s;
	b->nsent++;
	b->sent_bytes += s->bytes;
	return true;
}

static bool refuse_held(struct request *r, enum problem p)
{
	bulk_results_problem(&r->bulk->results, r->bulk->index, p, NULL);
	metric_add(&r->thread->metrics->write_refused, 1);
	bulk_drop_item(r->bulk);
	return true;
}

/* With an idempotency key, a generated key belongs to its home partition
 * (api/write/home.h). */
static struct home bulk_home(const struct request *r)
{
	const char *key = r->bulk->idempotency_key;
	return home_of(key, strlen(key), r->target.collection,
	    r->thread->instance->partitions);
}

/* False: no integer key is available yet. */
static bool bulk_have_integer(struct request *r)
{
	const struct collection *c = r->target.collection;
	struct id_blocks *ids = r->thread->instance->ids;
	int64_t id;
	bool any;
	if (r->bulk->idempotency_key) {
		const struct home h = bulk_home(r);
		any = id_blocks_take_at(ids, &h, &id);
	} else {
		any = id_blocks_take(ids, c->index, &id);
	}
	id_reserve_ids(r->thread, c);
	if (any)
		buf_printf(&r->bulk->item.id, "%" PRId64, id);
	return any;
}

static void make_uuid(struct request *r)
{
	char text[UUIDV7_LEN];
	wall_us_t now = clock_wall();
	uint64_t a = random_bits(), b = random_bits();
	if (r->bulk->idempotency_key) {
		const struct home h = bulk_home(r);
		home_uuid(&h, now, a, b, text);
	} else {
		uuidv7_make(now, a, b, text);
	}
	buf_str(&r->bulk->item.id, text);
}

/* False: no integer key is available yet. */
static bool have_key(struct request *r)
{
	if (one_operation_key_len(&r->bulk->item) > 0)
		return true;
	if (r->target.collection->key == KEY_INTEGER)
		return bulk_have_integer(r);
	make_uuid(r);
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
	if (!bulk_send_append(r)) {
		b->wake_at = b->nsent - 1;
		return b->nsent == 0 && refuse_held(r, PROBLEM_BUFFER_FULL);
	}
	bulk_results_key(&b->results, b->index,
	    b->item.id.data + b->item.prefix, one_operation_key_len(&b->item));
	bulk_drop_item(b);
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
		write_trace_end(s->request, &s->send, NULL);
		write_log_abandon(s->append);
		unlink_sent(b, s);
		free(s);
	}
}
