/* A rejected write is repaired by a new write, its successor, which goes
 * through the log like any other. It has the corrected body, if one is given.
 * It does not have the precondition and the idempotency key of the first write,
 * because they would only reject it again.
 *
 * The race: two operators requeue the same write, or the answer to one of them
 * is lost. So the rejection is claimed first, for a minute. Only then the
 * successor is appended, and it is recorded when the broker has reported its
 * place. If a writer dies between the two, the successor is in the log but not
 * recorded. A requeue after that minute appends another one.
 */
#include "writer/core/crashpoint.h"
#include "writer/decide/document.h"
#include "writer/rejections/rejections_priv.h"

#include "common/base/clock.h"
#include "common/log/keyspace.h"
#include "common/log/renamed.h"
#include "common/postgres/pg_params.h"
#include "common/schema/collection.h"
#include "common/sql/bookkeeping.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void on_released(void *arg, const struct pg_reply *reply)
{
	(void)reply; /* the claim ends in a minute */
	struct task *t = arg;
	task_fail(t, t->status, t->why);
}

/* Releases the claim: the successor is not in the log. */
static void requeue_release(struct task *t, unsigned status, const char *why)
{
	struct pg_params c = task_call(&bookkeeping_release_rejection, t->at);
	t->status = status;
	snprintf(t->why, sizeof t->why, "%s", why);
	task_submit(t, &c, on_released);
}

static void requeue_on_noted(void *arg, const struct pg_reply *reply)
{
	(void)reply; /* the write is in the log, even if it is not recorded */
	struct task *t = arg;
	struct buf body = {0};
	char position[POSITION_MAX_LEN];
	position_format(t->at, position);
	buf_printf(&body, "{\"position\":\"%s\",\"successor\":\"%s\"}\n",
	    position, t->successor);
	admin_answer(t->x, 202, &body);
	free(t);
}

static void requeue_on_delivered(void *arg, const struct delivery *d)
{
	(void)arg;
	struct task *t = d->opaque;
	if (d->status == DELIVERY_FAILED) {
		requeue_release(t, 503, d->code);
		return;
	}
	if (d->status == DELIVERY_UNKNOWN) {
		task_fail(
		    t, 503, "it is unknown whether the log has the write");
		return;
	}
	crashpoint(CRASH_REQUEUE_APPENDED);
	snprintf(t->successor, sizeof t->successor, "unknown");
	if (d->offset >= 0)
		position_format((struct position){d->partition,
				    version_make(t->r->x->epoch, d->offset)},
		    t->successor);
	struct pg_params c = task_call(&bookkeeping_note_successor, t->at);
	pg_params_text(&c, t->successor);
	task_submit(t, &c, requeue_on_noted);
}

static struct err open_producer(struct rejections *r)
{
	if (r->producer)
		return ERR_OK;
	const struct common_settings *s = &r->x->settings->common;
	return producer_new(&(struct producer_options){.loop = r->x->loop,
				.kafka = &r->x->kafka,
				.delivered = requeue_on_delivered,
				.arg = r,
				.numbered = (int32_t)s->partitions,
				.number = record_number},
	    &r->producer);
}

static void requeue_append(struct task *t, const struct record_write *w)
{
	struct rejections *r = t->r;
	const struct common_settings *s = &r->x->settings->common;
	bool erase = !record_has_body(w->op);
	struct err e = open_producer(r);
	/* The rejected write may be of another log, with other partitions. */
	const struct produce m = {
	    .topic = s->writes_topic,
	    .partition = keyspace_slot(w->id, w->id_len, (int32_t)s->partitions)
			     .partition,
	    .key = w->id,
	    .key_len = w->id_len,
	    .value = erase ? NULL : w->body,
	    .value_len = erase ? 0 : w->body_len,
	    .headers = record_write_headers(w),
	    .opaque = t,
	};
	if (e.kind == ERR_KIND_OK)
		e = producer_send(r->producer, &m);
	else
		rd_kafka_headers_destroy(m.headers);
	if (e.kind != ERR_KIND_OK)
		requeue_release(t, 503, e.msg);
}

/* As the writer will: it may have former names of fields. */
static void requeue_check_object(const struct collection *c, enum record_op op,
    struct jsonslice object, char why[DOCUMENT_FAULT_LEN])
{
	struct buf b = {0};
	if (renamed_object(&b, c, object))
		object = (struct jsonslice){b.data, b.len};
	document_fault(c, op, object, why);
	buf_free(&b);
}

/* Would the writer accept it? If not, `why` says why. */
static void requeue_check(
    const struct record_write *w, char why[DOCUMENT_FAULT_LEN])
{
	size_t n = record_collection_len(w->id, w->id_len);
	const struct collection *c = collection_find(w->id, n);
	struct jsonslice object;
	why[0] = '\0';
	if (c == NULL)
		snprintf(why, DOCUMENT_FAULT_LEN,
		    "its key names no collection, so it can only be discarded");
	else if (!record_has_body(w->op))
		return;
	else if (!jsonslice_scan(w->body, w->body_len, &object) ||
		 jsonslice_kind(object) != JSONSLICE_OBJECT)
		snprintf(why, DOCUMENT_FAULT_LEN,
		    "the document is not one JSON object");
	else
		requeue_check_object(c, w->op, object, why);
}

static bool read_op(const char *name, enum record_op *out)
{
	for (int op = RECORD_PUT; op <= RECORD_TOUCH; op++) {
		*out = (enum record_op)op;
		if (strcmp(record_op_name(*out), name) == 0)
			return true;
	}
	return false;
}

static void requeue(struct task *t, const PGresult *r)
{
	char why[DOCUMENT_FAULT_LEN] = "the record is malformed";
	struct buf id = {0};
	bool given = t->x->body_len > 0;
	buf_add(&id, PQgetvalue(r, 0, 0), (size_t)PQgetlength(r, 0, 0));
	buf_char(&id, '/');
	buf_add(&id, PQgetvalue(r, 0, 1), (size_t)PQgetlength(r, 0, 1));
	struct record_write w = {
	    .id = id.data,
	    .id_len = id.len,
	    .body = given ? t->x->body : PQgetvalue(r, 0, 3),
	    .body_len = given ? t->x->body_len : (size_t)PQgetlength(r, 0, 3),
	    .accepted_at = clock_wall(),
	};
	crashpoint(CRASH_REQUEUE_CLAIMED);
	const char *op = PQgetvalue(r, 0, 2);
	if (read_op(op, &w.op))
		requeue_check(&w, why);
	else if (strcmp(op, record_op_name(RECORD_BATCH)) == 0)
		snprintf(why, sizeof why,
		    "an atomic batch cannot be requeued: its client can send "
		    "it again");
	if (why[0])
		requeue_release(t, 422, why);
	else
		requeue_append(t, &w);
	buf_free(&id);
}

static void on_claimed(void *arg, const struct pg_reply *reply)
{
	struct task *t = arg;
	if (reply->err.kind != ERR_KIND_OK)
		task_fail(t, 503, reply->err.msg);
	else if (PQntuples(reply->results[0]) == 0)
		task_fail(t, 404,
		    "there is no rejection to repair at this position, or it "
		    "is being requeued");
	else
		requeue(t, reply->results[0]);
}

void rejections_requeue(
    struct rejections *r, struct position at, struct admin_exchange *x)
{
	struct pg_params c = task_call(&bookkeeping_claim_rejection, at);
	task_submit(task_new(r, at, x), &c, on_claimed);
}
