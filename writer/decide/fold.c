/* Folding: the same rows and outcomes as applying the writes one by one.
 *
 * A plain change has only puts and deletes, and is folded without its row.
 * Invariants (tests/unit/writer/decide/test_fold.c compares every sequence of
 * operations up to a length with a sequential model):
 *
 *  - Applying a change (first erase, then put) leaves the same row as the
 *    writes one by one, with the same times.
 *  - After the first write it is known whether there is a row. So the outcomes
 *    need one bit from Postgres (`existed`), and the rejections of all but the
 *    first write of a key are known before the transaction begins.
 *
 * A touch takes the row as it is, and only Postgres knows what that is. So a
 * slice has no other write of the key of a touch (judges.c). A piece of a gap
 * may have some: there the fold only groups writes by key.
 *
 * Merge patches, increments and preconditions need the row itself. So does an
 * idempotency key, whose record has the outcome of the write. Such a change
 * `reads`: its row is read before the transaction. Nobody else writes it, and
 * the fence proves that nobody did. Then every verdict is known, and `put` is
 * the document that was computed from the row. A rejected write leaves the row
 * as it was, and so the version that the next precondition is compared with.
 *
 * In a collection that declares `expires`, each write `reads`, too: a row whose
 * time has come when the write was accepted counts as absent for that write. It
 * stays in the table until a write creates its key again, or the writer's own
 * delete (RECORD_IF_EXPIRED) removes it.
 *
 * If the next write of the batch replaces a document, Postgres does not see
 * that document. So each document is checked against the declared constraints
 * here, or, if it is a put, when it was read (write.c). So no verdict depends
 * on where a batch ends. If a table has other constraints, no batch has two
 * writes of a key (judges.c).
 */
#include "writer/decide/fold.h"

#include "writer/decide/document.h"

#include "common/base/check.h"
#include "common/base/mem.h"
#include "common/schema/expiry.h"
#include "common/schema/key_parts.h"
#include "common/sql/rendered.h"

#include <stdlib.h>
#include <string.h>

static int compare_bytes(const char *a, size_t alen, const char *b, size_t blen)
{
	int order = memcmp(a, b, alen < blen ? alen : blen);
	if (order != 0 || alen == blen)
		return order;
	return alen < blen ? -1 : 1;
}

/* Ids sort as (collection, key) do: '/' is below every byte of a name. */
static int fold_compare(const void *a, const void *b)
{
	const struct write *x = *(const struct write *const *)a;
	const struct write *y = *(const struct write *const *)b;
	int order = compare_bytes(x->id, x->id_len, y->id, y->id_len);
	if (order != 0)
		return order;
	return x->version < y->version ? -1 : x->version > y->version;
}

static bool fold_same_key(const struct write *a, const struct write *b)
{
	return a->id_len == b->id_len && memcmp(a->id, b->id, a->id_len) == 0;
}

static struct jsonslice body_of(const struct write *w)
{
	return (struct jsonslice){w->body, w->body_len};
}

static void fold_plain(struct fold_change *c)
{
	for (size_t i = 0; i < c->nwrites; i++) {
		const struct write *w = c->writes[i];
		c->version = w->version;
		if (w->op == RECORD_TOUCH) {
			c->touch = true;
			continue;
		}
		if (w->op == RECORD_DELETE) {
			c->erase = true;
			c->put = (struct jsonslice){0};
			continue;
		}
		if (c->put.s == NULL)
			c->created_at = w->accepted_at;
		c->put = body_of(w);
		c->by = w->said.by;
		c->updated_at = w->accepted_at;
	}
}

static void fold_one(struct fold_change *c)
{
	c->collection = c->writes[0]->collection;
	for (size_t i = 0; i < c->nwrites; i++)
		c->reads = c->reads || !write_is_plain(c->writes[i]);
	if (!c->reads)
		fold_plain(c);
}

void fold_init(
    struct fold *f, const struct write *writes, size_t n, const bool *out)
{
	size_t kept = 0, rows = 0;
	for (size_t i = 0; i < n; i++)
		rows += write_rows(&writes[i]);
	*f = (struct fold){0};
	f->sorted = mem_alloc((rows + 1) * sizeof *f->sorted);
	f->changes = mem_zalloc((rows + 1) * sizeof *f->changes);
	f->verdicts = mem_zalloc((rows + 1) * sizeof *f->verdicts);
	for (size_t i = 0; i < n; i++) {
		if (writes[i].refused != REASON_NONE || (out && out[i]))
			continue;
		for (size_t k = 0; k < write_rows(&writes[i]); k++)
			f->sorted[kept++] = write_operation(&writes[i], k);
	}
	qsort(f->sorted, kept, sizeof *f->sorted, fold_compare);
	for (size_t i = 0; i < kept;) {
		struct fold_change *c = &f->changes[f->n++];
		c->writes = &f->sorted[i];
		c->verdicts = &f->verdicts[i];
		for (; i < kept && fold_same_key(c->writes[0], f->sorted[i]);
		     i++)
			c->nwrites++;
		fold_one(c);
	}
}

void fold_free(struct fold *f)
{
	free(f->sorted);
	free(f->changes);
	free(f->verdicts);
	arena_free(&f->arena);
	*f = (struct fold){0};
}

struct fold_change *fold_find(const struct fold *f, const struct collection *c,
    const char *key, size_t len)
{
	size_t low = 0, high = f->n;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		struct fold_change *at = &f->changes[mid];
		const struct write *w = at->writes[0];
		int order = strcmp(at->collection->name, c->name);
		if (order == 0)
			order = compare_bytes(w->key, w->key_len, key, len);
		if (order == 0)
			return at;
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

struct fold_change fold_alone(const struct fold_change *c, size_t i)
{
	struct fold_change out = {.writes = &c->writes[i], .nwrites = 1};
	CHECK(!c->reads && i < c->nwrites);
	fold_one(&out);
	return out;
}

/* --- against the row ----------------------------------------------------- */

/* A row while writes are applied to it. */
struct current {
	bool present;
	version_t version;
	struct jsonslice text; /* none: the fields are newer */
	bool read;	       /* into fields */
	bool too_large;	       /* the text is not known */
	size_t most;
	struct document fields;
	struct arena scratch; /* values that patches and increments made */
	struct arena *kept;   /* the fold's */
};

/* Every patch makes a new value of a field, and a batch may have a thousand
 * small patches of a large field. So replaced values are freed: at most about
 * twice the document is kept. */
static void tidy(struct current *row)
{
	enum { LITTLE = 65536 };
	const size_t n = sizeof row->fields.values / sizeof(struct jsonslice);
	struct arena kept = {0};
	size_t needed = 0;
	for (size_t i = 0; i < n; i++)
		needed += row->fields.values[i].len;
	if (row->scratch.bytes < 2 * needed + LITTLE)
		return;
	for (size_t i = 0; i < n; i++) {
		struct jsonslice *v = &row->fields.values[i];
		if (v->s)
			*v = arena_keep(&kept, v->s, v->len);
	}
	arena_free(&row->scratch);
	row->scratch = kept;
}

static struct fold_verdict fold_rejected(enum reason reason)
{
	return (struct fold_verdict){
	    .outcome = OUTCOME_REJECTED, .reason = reason};
}

static struct fold_verdict fold_put(
    struct current *row, const struct write *w, bool was)
{
	row->present = true;
	row->text = body_of(w);
	row->read = false;
	row->too_large = false;
	return (struct fold_verdict){
	    .outcome = was ? OUTCOME_REPLACED : OUTCOME_CREATED};
}

static bool fold_fits(const struct current *row, const struct write *w)
{
	return row->most == 0 || rendered_row(w->collection, w->key_len,
				     row->fields.values) <= row->most;
}

static struct fold_verdict fold_broken(
    struct current *row, const char *constraint)
{
	struct fold_verdict v = fold_rejected(REASON_CONSTRAINT);
	v.detail = arena_keep(row->kept, constraint, strlen(constraint)).s;
	return v;
}

static void fold_read(struct current *row, const struct collection *c)
{
	if (!row->read)
		document_read(c, row->text, &row->fields);
	row->read = true;
}

static struct fold_verdict change(
    struct current *row, const struct write *w, bool present)
{
	if (!present)
		return fold_rejected(REASON_NOT_FOUND);
	if (row->too_large)
		return fold_rejected(REASON_TOO_LARGE);
	fold_read(row, w->collection);
	const struct document before = row->fields;
	if (w->op == RECORD_PATCH)
		document_patch(
		    w->collection, &row->fields, body_of(w), &row->scratch);
	else if (!document_increment(
		     w->collection, &row->fields, body_of(w), &row->scratch))
		return fold_rejected(REASON_OVERFLOW);
	char constraint[SQL_TABLE_NAME_LEN];
	bool large = !fold_fits(row, w);
	if (large ||
	    document_breaks(w->collection, &row->fields, &before, constraint)) {
		row->fields = before;
		return large ? fold_rejected(REASON_TOO_LARGE)
			     : fold_broken(row, constraint);
	}
	tidy(row);
	row->text = (struct jsonslice){0};
	return (struct fold_verdict){.outcome = OUTCOME_REPLACED};
}

/* Has the time of the row come when the API accepted the write? No clock of the
 * writer is asked, so the log alone decides. */
static bool fold_is_over(struct current *row, const struct write *w)
{
	const struct field *f = w->collection->expires;
	if (f == NULL || !row->present || row->too_large)
		return false;
	fold_read(row, w->collection);
	return expiry_is_over(
	    expiry_time(row->fields.values[f - w->collection->fields]),
	    w->accepted_at);
}

/* The delete of the writer finds the row, though its time has come. The time of
 * a row that is too large is not known here, but was when it was looked for. */
static bool fold_holds(
    const struct current *row, const struct write *w, bool over)
{
	if (w->said.condition == RECORD_IF_EXPIRED)
		return (over || row->too_large) &&
		       record_condition_holds(
			   &w->said, row->present, row->version);
	return record_condition_holds(
	    &w->said, row->present && !over, row->version);
}

/* The API may leave the fields of the key out of a put. */
static struct jsonslice fold_part(
    struct current *row, const struct write *w, const struct field *f)
{
	const struct collection *c = w->collection;
	struct buf part = {0};
	size_t i = 0;
	while (c->parts[i] != f)
		i++;
	key_parts_json(&part, c, w->key, w->key_len, i);
	struct jsonslice out = arena_keep(row->kept, part.data, part.len);
	buf_free(&part);
	return out;
}

/* Whose the row is; none: there is no row, or it has no owner. */
static struct jsonslice fold_owner(struct current *row, const struct write *w)
{
	const struct field *f = write_owner_field(w);
	if (!row->present || f == NULL)
		return (struct jsonslice){0};
	if (f->in_key)
		return fold_part(row, w, f);
	if (row->too_large)
		return (struct jsonslice){0};
	fold_read(row, w->collection);
	return row->fields.values[f - w->collection->fields];
}

/* Does the write demand another owner than the row has? */
static bool fold_is_foreign(struct current *row, const struct write *w)
{
	if (w->said.owner.s == NULL || !row->present)
		return false;
	struct jsonslice owner = fold_owner(row, w);
	return owner.s == NULL ||
	       !jsonslice_equals(owner, w->said.owner.s, w->said.owner.len);
}

/* To a caller who does not own it, a row is absent, as far as that is possible:
 * only a create can tell. */
static struct fold_verdict fold_foreign(const struct write *w)
{
	if (w->said.condition == RECORD_CREATE)
		return fold_rejected(REASON_KEY_EXISTS);
	return fold_rejected(w->said.condition == RECORD_ALWAYS
				 ? REASON_NOT_FOUND
				 : REASON_PRECONDITION);
}

static struct fold_verdict apply(struct current *row, const struct write *w)
{
	bool over = fold_is_over(row, w);
	bool present = row->present && !over;
	if (present && fold_is_foreign(row, w))
		return fold_foreign(w);
	if (!fold_holds(row, w, over))
		return fold_rejected(w->said.condition == RECORD_CREATE
					 ? REASON_KEY_EXISTS
					 : REASON_PRECONDITION);
	switch (w->op) {
	case RECORD_PUT:
		return fold_put(row, w, present);
	case RECORD_PATCH:
	case RECORD_INCREMENT:
		return change(row, w, present);
	case RECORD_DELETE:
		break;
	case RECORD_TOUCH:
		UNREACHABLE("a slice has no other write of the key");
	case RECORD_BATCH:
		UNREACHABLE("a batch is folded as its operations");
	}
	if (!present && w->said.condition != RECORD_IF_EXPIRED)
		return fold_rejected(REASON_NOT_FOUND);
	row->present = false;
	return (struct fold_verdict){.outcome = OUTCOME_DELETED};
}

/* True: a write took effect. */
static bool apply_all(struct fold_change *c, struct current *row)
{
	bool any = false;
	for (size_t i = 0; i < c->nwrites; i++) {
		const struct write *w = c->writes[i];
		bool was = row->present;
		struct fold_verdict v = apply(row, w);
		c->verdicts[i] = v;
		if (v.outcome == OUTCOME_REJECTED)
			continue;
		any = true;
		row->version = w->version;
		c->by = w->said.by;
		c->updated_at = w->accepted_at;
		bool created = v.outcome == OUTCOME_CREATED;
		if (created)
			c->created_at = w->accepted_at;
		/* A row whose time has come makes room for the new one. */
		c->erase = c->erase || (created && was) ||
			   v.outcome == OUTCOME_DELETED;
	}
	return any;
}

void fold_decide(
    struct fold *f, struct fold_change *c, const struct fold_row *before)
{
	struct current row = {
	    .present = before->present,
	    .version = before->version,
	    .text = before->document,
	    .too_large = before->too_large,
	    .most = before->most,
	    .kept = &f->arena,
	};
	CHECK(c->reads);
	struct jsonslice owner = fold_owner(&row, c->writes[0]);
	if (owner.s)
		c->owner_was = arena_keep(&f->arena, owner.s, owner.len);
	bool any = apply_all(c, &row);
	c->fresh = !before->present;
	c->erase = c->erase && before->present;
	c->version = row.version;
	if (any && row.present)
		c->put = row.text.s ? row.text
				    : document_write(c->collection, &row.fields,
					  &f->arena);
	arena_free(&row.scratch);
	if (c->put.s && c->created_at == 0)
		c->created_at = c->updated_at; /* an update: not used */
}

/* --- blindly ------------------------------------------------------------- */

void fold_settle(const struct fold_change *c, bool existed)
{
	CHECK(!c->reads);
	for (size_t i = 0; i < c->nwrites; i++) {
		bool is = c->touch ? existed : c->writes[i]->op == RECORD_PUT;
		struct fold_verdict v = {
		    .outcome = existed ? OUTCOME_REPLACED : OUTCOME_CREATED};
		if (!is && (existed || c->touch))
			v.outcome = OUTCOME_DELETED;
		else if (!is)
			v = fold_rejected(REASON_NOT_FOUND);
		c->verdicts[i] = v;
		existed = is;
	}
}

bool fold_needs_row(const struct fold_change *c)
{
	return !c->reads && c->writes[0]->op == RECORD_DELETE;
}

bool fold_next_effect(
    const struct fold_change *c, size_t *at, struct fold_effect *out)
{
	*out = (struct fold_effect){0};
	for (; *at < c->nwrites; ++*at) {
		enum outcome_kind outcome = c->verdicts[*at].outcome;
		if (outcome == OUTCOME_REJECTED)
			continue;
		if (outcome == OUTCOME_CREATED && out->creator) {
			out->gone = true; /* or its time had come */
			break;
		}
		out->last = c->writes[*at];
		out->gone = outcome == OUTCOME_DELETED;
		if (outcome == OUTCOME_CREATED)
			out->creator = out->last;
	}
	return out->last != NULL;
}
