/* Folding: the same rows and outcomes as applying the writes one by one.
 *
 * Invariants, held against a sequential model by every sequence of operations
 * up to a length (tests/unit/writer/test_fold.c):
 *
 *  - Applying a change, erase first and then the put, leaves the row that the
 *    writes one by one would leave, its times included.
 *  - After the first write it is known whether there is a row, so outcomes
 *    need one bit from Postgres (`existed`), and the rejections of all but the
 *    first write of a key are known before the transaction begins.
 *
 * What folding gives up: a document that the next write of the same batch
 * replaces is not shown to Postgres, which might have rejected it.
 *
 * Merge patches, increments and preconditions need the row itself: a change
 * then says so, the row is read before the transaction (nobody else writes
 * it), and `put` points to the document that was computed from it.
 */
#include "writer/fold.h"

#include "common/check.h"
#include "common/mem.h"

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
static int compare(const void *a, const void *b)
{
	const struct write *x = *(const struct write *const *)a;
	const struct write *y = *(const struct write *const *)b;
	int order = compare_bytes(x->id, x->id_len, y->id, y->id_len);
	if (order != 0)
		return order;
	return x->version < y->version ? -1 : x->version > y->version;
}

static bool same_key(const struct write *a, const struct write *b)
{
	return a->id_len == b->id_len && memcmp(a->id, b->id, a->id_len) == 0;
}

static void fold_one(struct fold_change *c)
{
	c->collection = c->writes[0]->collection;
	for (size_t i = 0; i < c->nwrites; i++) {
		const struct write *w = c->writes[i];
		c->version = w->version;
		if (w->op == RECORD_DELETE) {
			c->erase = true;
			c->put = NULL;
			continue;
		}
		if (c->put == NULL)
			c->created_at = w->accepted_at;
		c->put = w;
		c->updated_at = w->accepted_at;
	}
}

void fold_init(struct fold *f, const struct write *writes, size_t n)
{
	*f = (struct fold){0};
	f->sorted = mem_alloc((n + 1) * sizeof *f->sorted);
	f->changes = mem_zalloc((n + 1) * sizeof *f->changes);
	size_t kept = 0;
	for (size_t i = 0; i < n; i++) {
		if (writes[i].refused == REASON_NONE)
			f->sorted[kept++] = &writes[i];
	}
	qsort(f->sorted, kept, sizeof *f->sorted, compare);
	for (size_t i = 0; i < kept;) {
		struct fold_change *c = &f->changes[f->n++];
		c->writes = &f->sorted[i];
		for (; i < kept && same_key(c->writes[0], f->sorted[i]); i++)
			c->nwrites++;
		fold_one(c);
	}
}

void fold_free(struct fold *f)
{
	free(f->sorted);
	free(f->changes);
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

static enum outcome step(const struct write *w, bool *present)
{
	bool was = *present;
	*present = w->op == RECORD_PUT;
	if (w->op == RECORD_PUT)
		return was ? OUTCOME_REPLACED : OUTCOME_CREATED;
	return was ? OUTCOME_DELETED : OUTCOME_NOT_FOUND;
}

void fold_outcomes(const struct fold_change *c, bool existed, enum outcome *out)
{
	for (size_t i = 0; i < c->nwrites; i++)
		out[i] = step(c->writes[i], &existed);
}

bool fold_needs_row(const struct fold_change *c)
{
	return c->writes[0]->op == RECORD_DELETE;
}

struct fold_effect fold_effect(const struct fold_change *c, bool existed)
{
	struct fold_effect e = {0};
	for (size_t i = 0; i < c->nwrites; i++) {
		switch (step(c->writes[i], &existed)) {
		case OUTCOME_CREATED:
			e.creator = c->writes[i];
			break;
		case OUTCOME_DELETED:
			e.creator = NULL;
			break;
		case OUTCOME_NOT_FOUND:
			continue;
		case OUTCOME_REPLACED:
			break;
		}
		e.last = c->writes[i];
	}
	return e;
}
