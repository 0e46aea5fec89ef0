/* Folding, held against applying the writes one by one: every sequence of
 * operations up to a length, over one key and over two, with every start.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "writer/fold.h"

#include <string.h>

enum { LONGEST = 6, KEYS = 2, FIRST = 100, BEFORE = 7 };

struct row {
	bool present;
	version_t version;
	wall_us_t created, updated;
	const char *body;
};

static const char *const ids[KEYS] = {"records/a", "records/b"};
static const char *const bodies[LONGEST] = {"0", "1", "2", "3", "4", "5"};

static struct write make(size_t i, size_t key, bool del)
{
	return (struct write){
	    .version = FIRST + i,
	    .op = del ? RECORD_DELETE : RECORD_PUT,
	    .id = ids[key],
	    .id_len = strlen(ids[key]),
	    .collection = collection_find("records", 7),
	    .key = ids[key] + 8,
	    .key_len = 1,
	    .body = del ? "" : bodies[i],
	    .body_len = del ? 0 : 1,
	    .accepted_at = 1000 + (wall_us_t)i,
	};
}

static struct row before(bool present)
{
	return (struct row){present, BEFORE, 10, 20, "old"};
}

/* The model: one write at a time. */
static enum outcome apply_one(struct row *r, const struct write *w)
{
	bool was = r->present;
	if (w->op == RECORD_DELETE) {
		r->present = false;
		return was ? OUTCOME_DELETED : OUTCOME_NOT_FOUND;
	}
	if (!was)
		r->created = w->accepted_at;
	r->present = true;
	r->version = w->version;
	r->updated = w->accepted_at;
	r->body = w->body;
	return was ? OUTCOME_REPLACED : OUTCOME_CREATED;
}

/* What Postgres does with a change: delete, then upsert. */
static void apply_change(struct row *r, const struct fold_change *c)
{
	if (c->erase)
		r->present = false;
	if (c->put == NULL)
		return;
	if (!r->present)
		r->created = c->created_at;
	r->present = true;
	r->version = c->version;
	r->updated = c->updated_at;
	r->body = c->put->body;
}

static void assert_same_row(const struct row *a, const struct row *b)
{
	assert_int_equal(a->present, b->present);
	if (!a->present)
		return;
	assert_true(a->version == b->version);
	assert_true(a->created == b->created);
	assert_true(a->updated == b->updated);
	assert_string_equal(a->body, b->body);
}

struct model {
	struct row rows[KEYS];
	enum outcome outcomes[LONGEST];
	const struct write *last[KEYS], *creator[KEYS];
};

static struct model run_model(
    const struct write *writes, const size_t *keys, size_t n, unsigned existed)
{
	struct model m = {0};
	for (size_t k = 0; k < KEYS; k++)
		m.rows[k] = before(existed >> k & 1);
	for (size_t i = 0; i < n; i++) {
		size_t k = keys[i];
		m.outcomes[i] = apply_one(&m.rows[k], &writes[i]);
		if (m.outcomes[i] != OUTCOME_NOT_FOUND)
			m.last[k] = &writes[i];
		if (m.outcomes[i] == OUTCOME_CREATED)
			m.creator[k] = &writes[i];
		if (m.outcomes[i] == OUTCOME_DELETED)
			m.creator[k] = NULL;
	}
	return m;
}

static void check_change(const struct fold_change *c, size_t key, bool existed,
    const struct model *m)
{
	enum outcome got[LONGEST], other[LONGEST];
	struct row row = before(existed);
	apply_change(&row, c);
	assert_same_row(&row, &m->rows[key]);
	fold_outcomes(c, existed, got);
	fold_outcomes(c, !existed, other);
	for (size_t i = 0; i < c->nwrites; i++) {
		size_t at = (size_t)(c->writes[i]->version - FIRST);
		assert_int_equal(got[i], m->outcomes[at]);
		bool rejected = got[i] == OUTCOME_NOT_FOUND;
		bool rejected_else = other[i] == OUTCOME_NOT_FOUND;
		/* Only the first one's rejection hangs on the row. */
		if (i > 0 || !fold_needs_row(c))
			assert_int_equal(rejected, rejected_else);
		else
			assert_int_equal(rejected, !existed);
	}
	struct fold_effect e = fold_effect(c, existed);
	assert_ptr_equal(e.last, m->last[key]);
	assert_ptr_equal(e.creator, m->creator[key]);
	/* A put is always the newest that took effect. */
	if (c->put)
		assert_true(e.last == c->put && c->version == c->put->version);
}

static void check(const size_t *keys, const bool *dels, size_t n)
{
	struct write writes[LONGEST];
	for (size_t i = 0; i < n; i++)
		writes[i] = make(i, keys[i], dels[i]);
	struct fold f;
	fold_init(&f, writes, n);
	for (unsigned existed = 0; existed < 1u << KEYS; existed++) {
		struct model m = run_model(writes, keys, n, existed);
		size_t seen = 0;
		for (size_t k = 0; k < KEYS; k++) {
			const struct fold_change *c = fold_find(
			    &f, collection_find("records", 7), ids[k] + 8, 1);
			if (c == NULL)
				continue;
			seen += c->nwrites;
			check_change(c, k, existed >> k & 1, &m);
		}
		assert_int_equal(seen, n);
	}
	fold_free(&f);
}

static void every_sequence(void **state)
{
	(void)state;
	for (size_t n = 1; n <= LONGEST; n++) {
		for (unsigned bits = 0; bits < 1u << (2 * n); bits++) {
			size_t keys[LONGEST];
			bool dels[LONGEST];
			for (size_t i = 0; i < n; i++) {
				keys[i] = bits >> (2 * i) & 1;
				dels[i] = bits >> (2 * i + 1) & 1;
			}
			check(keys, dels, n);
		}
	}
}

static void sorted_and_without_the_refused(void **state)
{
	(void)state;
	static const char *const order[] = {"records/", "records/A",
	    "records/AB", "records/a", "records/\xc3\xa4"};
	enum { N = sizeof order / sizeof *order };
	struct write writes[N + 1];
	for (size_t i = 0; i < N; i++) {
		struct write *w = &writes[N - 1 - i];
		*w = make(0, 0, false);
		w->id = order[i];
		w->id_len = strlen(order[i]);
		w->key = order[i] + 8;
		w->key_len = w->id_len - 8;
		w->version = FIRST + N - 1 - i;
	}
	writes[N] = make(N, 0, false);
	writes[N].refused = REASON_MALFORMED;
	writes[N].collection = NULL;
	struct fold f;
	fold_init(&f, writes, N + 1);
	assert_int_equal(f.n, N);
	for (size_t i = 0; i < N; i++) {
		assert_ptr_equal(f.changes[i].writes[0]->id, order[i]);
		assert_ptr_equal(fold_find(&f, writes[0].collection,
				     order[i] + 8, strlen(order[i]) - 8),
		    &f.changes[i]);
	}
	assert_null(fold_find(&f, writes[0].collection, "zz", 2));
	fold_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_sequence),
	    cmocka_unit_test(sorted_and_without_the_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
