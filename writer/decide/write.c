/* From a record of the log to a write.
 *
 * The API validates before it appends, but other clients may append to the
 * topic. A record that Sluice did not write must neither stop its partition nor
 * harm another row. So these functions check that
 *
 *  - the record is in the partition of its key: in another one its version does
 *    not order it among the writes of the key;
 *  - the id names a known collection and a key in its canonical form, so that
 *    two ids never mean the same row. If the record has the shape of a
 *    declaration, an API has made it that knows the collection: the write is
 *    marked, so that it can be held until this writer knows it, too;
 *  - the body is exactly one JSON object. `{"value":1},{"_key":"other"}` is
 *    two, and is refused;
 *  - the document of the row will not be larger than a commit record may be;
 *  - a batch has operations of one group, at most one for each row, and each
 *    of them is good by itself;
 *  - the fields have their names of today, also in a record that is older than
 *    a renaming (common/log/renamed.h);
 *  - the columns of the table accept the values of the fields, and the values
 *    satisfy the declared constraints. So the fold may compute with them, and a
 *    document that the next write of the batch replaces is checked, too.
 *
 * If a write violates what only Postgres can check (an operator's constraint, a
 * trigger), Postgres rejects its batch, and bisection finds the write
 * (batch.c).
 */
#include "writer/decide/write.h"

#include "writer/decide/document.h"

#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/base/utf8.h"
#include "common/daemon/config.h"
#include "common/log/keyspace.h"
#include "common/log/operations.h"
#include "common/log/renamed.h"
#include "common/sql/rendered.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct write_log write_log_of(uint32_t epoch, const struct common_settings *s)
{
	return (struct write_log){
	    .epoch = epoch,
	    .partitions = (int32_t)s->partitions,
	    .document_max = (size_t)s->document_max,
	};
}

bool write_is_text(const char *s, size_t len)
{
	return memchr(s, '\0', len) == NULL && utf8_valid(s, len);
}

/* The record may be older than a renaming of fields. From here on it has the
 * names of today. */
static void write_rename(struct write *w, struct jsonslice object)
{
	struct buf b = {0};
	if (!renamed_object(&b, w->collection, object))
		return;
	w->size += b.len - w->body_len; /* it may shrink */
	w->body_len = b.len;
	w->renamed = buf_take(&b, NULL);
	w->body = w->renamed;
}

static bool take_object(struct write *w)
{
	struct jsonslice v;
	if (!jsonslice_scan(w->body, w->body_len, &v) ||
	    jsonslice_kind(v) != JSONSLICE_OBJECT)
		return false;
	w->body = v.s;
	w->body_len = v.len;
	write_rename(w, v);
	return true;
}

/* Even if the write is refused, its idempotency key is looked up and stored in
 * Postgres. So a key that Postgres cannot store is dropped. False: it was
 * dropped. */
static bool mend_idempotency(struct record_write *r)
{
	if (r->idempotency_key == NULL ||
	    (r->idempotency_len <= COLLECTION_KEY_MAX &&
		write_is_text(r->idempotency_key, r->idempotency_len)))
		return true;
	r->idempotency_key = NULL;
	r->idempotency_len = 0;
	return false;
}

/* A commit and a feed will have it. */
static bool is_short_text(struct record_text t)
{
	return t.s == NULL ||
	       (t.len <= RECORD_TEXT_MOST && write_is_text(t.s, t.len));
}

const struct field *write_owner_field(const struct write *w)
{
	const struct record_text *name = &w->said.owner_field;
	for (size_t i = 0; name->s && i < w->collection->nfields; i++) {
		const struct field *f = &w->collection->fields[i];
		if (strlen(f->name) == name->len &&
		    memcmp(f->name, name->s, name->len) == 0)
			return f;
	}
	return name->s ? renamed_field(w->collection, name->s, name->len)
		       : w->collection->owner.field;
}

static const char *wrong_with(struct write *w)
{
	bool mended = !mend_idempotency(&w->said);
	size_t n = record_collection_len(w->id, w->id_len);
	w->collection = n ? collection_find(w->id, n) : NULL;
	if (w->collection == NULL && w->said.shape != 0 &&
	    n <= COLLECTION_NAME_MAX && write_is_text(w->id, n))
		w->unknown = mem_strndup(w->id, n);
	if (w->collection == NULL)
		return "the key names no collection";
	w->key = w->id + n + 1;
	w->key_len = w->id_len - n - 1;
	if (!collection_key_valid(w->collection, w->key, w->key_len))
		return "the key is not valid for its collection";
	if (w->accepted_at < 0 || w->accepted_at > RECORD_LATEST)
		return "accepted-at is not a time";
	if (w->said.owner.s && write_owner_field(w) == NULL)
		return "the owner's field is no field of the collection";
	if (!is_short_text(w->said.by) || !is_short_text(w->said.owner))
		return "by or owner is not text, or too long";
	if (mended)
		return "the idempotency key is not text, or too long";
	if (record_has_body(w->op) && !take_object(w))
		return "the document is not one JSON object";
	return NULL;
}

/* A row that a touch takes counts as so many bytes in a batch. Nobody knows how
 * many it has; the answer of Postgres is bounded (writer/batch/plan.c). */
enum { TOUCH_SIZE = 1024 };

static void check_fields(struct write *w)
{
	char fault[DOCUMENT_FAULT_LEN] = "";
	struct jsonslice object = {w->body, w->body_len};
	if (record_has_body(w->op))
		document_fault(w->collection, w->op, object, fault);
	if (fault[0])
		write_refuse(w, REASON_DATA, fault);
}

/* The results of patches and increments are checked in the fold. */
static void check_constraints(struct write *w)
{
	char name[SQL_TABLE_NAME_LEN];
	struct jsonslice object = {w->body, w->body_len};
	struct document d;
	if (w->refused != REASON_NONE || w->op != RECORD_PUT)
		return;
	document_read(w->collection, object, &d);
	if (document_breaks(w->collection, &d, NULL, name))
		write_refuse(w, REASON_CONSTRAINT, name);
}

/* A document that the next write of its batch replaces is checked, too. So the
 * verdict does not depend on where a batch ends. */
static void check_size(struct write *w, size_t most)
{
	char why[120];
	struct jsonslice body = {w->body, w->body_len};
	if (w->op == RECORD_TOUCH)
		w->size = TOUCH_SIZE;
	if (w->refused != REASON_NONE || !record_has_body(w->op))
		return;
	size_t size = w->op == RECORD_PUT
			  ? rendered_document(w->collection, w->key_len, body)
			  : rendered_json(body);
	if (size <= most) {
		w->size = size > w->body_len ? size : w->body_len;
		return;
	}
	snprintf(why, sizeof why,
	    "the document would have %zu bytes, document.max_bytes is %zu",
	    size, most);
	write_refuse(w, REASON_TOO_LARGE, why);
}

/* If a record is in the wrong partition, its producer's number and its
 * idempotency key do not count: both belong to another partition. */
static const char *wrong_record(
    const rd_kafka_message_t *m, int32_t partitions, struct record_write *out)
{
	if (!record_write_parse(m, out))
		return "headers or key are missing or malformed";
	if (!record_is_at_home(m, partitions))
		return "its key belongs to another partition";
	return NULL;
}

static void write_check(struct write *w, const struct write_log *log)
{
	check_fields(w);
	check_size(w, log->applied ? SIZE_MAX : log->document_max);
	if (!log->applied)
		check_constraints(w);
}

/* --- batches ------------------------------------------------------------- */

size_t write_rows(const struct write *w)
{
	return w->noperations ? w->noperations : 1;
}

const struct write *write_operation(const struct write *w, size_t i)
{
	return w->noperations ? &w->operations[i] : w;
}

bool write_any_atomic(const struct write *writes, size_t n)
{
	size_t i = 0;
	while (i < n && writes[i].noperations == 0)
		i++;
	return i < n;
}

void write_refuse_operation(
    struct write *w, size_t operation, enum reason reason, const char *detail)
{
	struct buf text = {0};
	operations_detail(&text, operation, detail);
	write_refuse(w, reason, text.data);
	buf_free(&text);
}

static void take_operations(struct write *w, struct operations *o)
{
	w->noperations = o->n;
	w->operations = mem_zalloc(o->n * sizeof *w->operations);
	for (size_t i = 0; i < o->n; i++) {
		const struct record_write *r = &o->all[i];
		w->operations[i] = (struct write){
		    .version = w->version,
		    .op = r->op,
		    .has_op = true,
		    .id = r->id,
		    .id_len = r->id_len,
		    .body = r->body,
		    .body_len = r->body_len,
		    .size = r->body_len,
		    .accepted_at = r->accepted_at,
		    .said = *r,
		    .part = true,
		};
	}
	w->texts = o->texts;
	o->texts = (struct buf){0};
}

static void drop_operations(struct write *w)
{
	for (size_t i = 0; i < w->noperations; i++)
		write_clear(&w->operations[i]);
	free(w->operations);
	buf_free(&w->texts);
	w->operations = NULL;
	w->noperations = 0;
}

static bool is_of_group(const struct write *w, const struct write *operation)
{
	struct key_group g;
	return keyspace_group(operation->id, operation->id_len, &g) &&
	       g.len == w->key_len &&
	       (g.len == 0 || memcmp(g.s, w->key, g.len) == 0);
}

static bool is_twice(const struct write *w, size_t i)
{
	const struct write *a = &w->operations[i];
	for (size_t k = 0; k < i; k++) {
		const struct write *b = &w->operations[k];
		if (a->id_len == b->id_len &&
		    memcmp(a->id, b->id, a->id_len) == 0)
			return true;
	}
	return false;
}

static const char *wrong_with_operation(struct write *w, size_t i)
{
	struct write *operation = &w->operations[i];
	const char *wrong = wrong_with(operation);
	if (wrong == NULL && !is_of_group(w, operation))
		wrong = "its key is not of the group of the batch";
	if (wrong == NULL && is_twice(w, i))
		wrong = "an operation before it has the same key";
	return wrong;
}

static void take_unknown(struct write *w, struct write *operation)
{
	if (operation->unknown == NULL)
		return;
	w->unknown = operation->unknown;
	w->said.shape = operation->said.shape;
	operation->unknown = NULL;
}

/* Reads the operations. A malformed batch has none. */
static void read_batch(struct write *w, const struct write_log *log)
{
	struct operations o;
	size_t name = strlen(KEYSPACE_BATCH) + 1;
	const char *wrong = NULL;
	size_t i = 0;
	bool mended = !mend_idempotency(&w->said);
	w->key = w->id + name;
	w->key_len = w->id_len - name;
	if (mended)
		wrong = "the idempotency key is not text, or too long";
	else if (!operations_parse(&w->said, &o))
		wrong = "the operations are malformed";
	if (wrong) {
		write_refuse(w, REASON_MALFORMED, wrong);
		return;
	}
	take_operations(w, &o);
	operations_free(&o);
	for (; i < w->noperations && wrong == NULL; i++)
		wrong = wrong_with_operation(w, i);
	if (wrong) {
		take_unknown(w, &w->operations[i - 1]);
		write_refuse_operation(w, i - 1, REASON_MALFORMED, wrong);
		drop_operations(w);
		return;
	}
	for (i = 0; i < w->noperations; i++) {
		struct write *part = &w->operations[i];
		write_check(part, log);
		w->size += part->size - part->body_len;
		if (part->refused != REASON_NONE && w->refused == REASON_NONE)
			write_refuse_operation(w, i, part->refused,
			    part->detail ? part->detail : "");
	}
}

static bool write_is_batch(const struct write *w)
{
	struct key_group g;
	return w->op == RECORD_BATCH && w->id[0] == '_' &&
	       keyspace_group(w->id, w->id_len, &g);
}

/* A touch takes the row whatever it is, and twice as well as once. */
static void drop_conditions(struct record_write *r)
{
	r->condition = RECORD_ALWAYS;
	r->idempotency_key = NULL;
	r->idempotency_len = 0;
	r->owner_field = r->owner = (struct record_text){0};
}

/* A rejection is stored with the time. */
static void mend_time(struct write *w)
{
	if (w->accepted_at < 0 || w->accepted_at > RECORD_LATEST)
		w->accepted_at = 0;
}

void write_read(
    struct write *w, rd_kafka_message_t *m, const struct write_log *log)
{
	struct record_write r;
	const char *wrong = wrong_record(m, log->partitions, &r);
	bool ok = wrong == NULL;
	*w = (struct write){
	    .message = m,
	    .version = version_make(log->epoch, m->offset),
	    .op = r.op,
	    .has_op = ok,
	    .id = m->key ? m->key : "",
	    .id_len = m->key_len,
	    .body = m->payload ? m->payload : "",
	    .body_len = m->len,
	    .size = m->len,
	    .accepted_at = ok ? r.accepted_at : 0,
	};
	if (ok) {
		w->said = r;
		if (w->op == RECORD_TOUCH)
			drop_conditions(&w->said);
		if (write_is_batch(w)) {
			read_batch(w, log);
			mend_time(w);
			return;
		}
		wrong = w->op == RECORD_BATCH ? "its key is not that of a batch"
					      : wrong_with(w);
	}
	if (wrong == NULL) {
		write_check(w, log);
		return;
	}
	write_refuse(w, REASON_MALFORMED, wrong);
	mend_time(w);
}

bool write_is_plain(const struct write *w)
{
	bool owned = w->said.owner.s || w->collection->owner.field;
	if (w->op == RECORD_TOUCH)
		return true; /* nobody knows what the row was before */
	bool blind =
	    w->op == RECORD_PUT || (w->op == RECORD_DELETE && !w->part);
	/* Then it depends on the row whether there is one. */
	owned = owned || w->collection->expires;
	return blind && !owned && w->said.condition == RECORD_ALWAYS &&
	       w->said.idempotency_key == NULL;
}

const char *write_quoted(const struct write *w)
{
	char id[COLLECTION_KEY_MAX + 1];
	snprintf(id, sizeof id, "%.*s", (int)w->id_len, w->id);
	return log_quote(id);
}

void write_refuse(struct write *w, enum reason reason, const char *detail)
{
	free(w->detail);
	w->refused = reason;
	w->detail = detail && *detail ? mem_strdup(detail) : NULL;
}

static struct jsonslice write_copy(struct jsonslice text)
{
	return text.s ? (struct jsonslice){mem_dup(text.s, text.len), text.len}
		      : text;
}

void write_told(
    struct write *w, enum announced_as as, const struct record_verdict *v)
{
	w->announced = as;
	if (as == ANNOUNCED_REJECTED)
		write_refuse(w, v->reason, v->detail.s);
	if (as != ANNOUNCED_REPLAYED)
		return;
	w->first = v->first;
	w->first.outcome = write_copy(v->first.outcome);
	w->first.key = write_copy(v->first.key);
}

void write_traced(struct write *w, const struct span_start *s)
{
	w->trace = *s;
	for (size_t i = 0; i < w->noperations; i++)
		w->operations[i].trace = *s;
}

void write_clear(struct write *w)
{
	free((char *)(uintptr_t)w->first.outcome.s);
	free((char *)(uintptr_t)w->first.key.s);
	if (w->message)
		rd_kafka_message_destroy(w->message);
	free(w->detail);
	free(w->unknown);
	free(w->renamed);
	drop_operations(w);
	*w = (struct write){0};
}
