/* Folding, held against applying the writes one by one: every sequence of plain
 * operations up to a length, over one key and over two, with every start; every
 * shorter sequence of patches, increments and preconditions, too; and long
 * random histories with random batch boundaries.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/schema/declare.h"
#include "writer/decide/document.h"
#include "writer/decide/fold.h"

#include "tests/unit/declared.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

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
	    .collection = declared("records"),
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
static enum outcome_kind apply_one(struct row *r, const struct write *w)
{
	bool was = r->present;
	if (w->op == RECORD_DELETE) {
		r->present = false;
		return was ? OUTCOME_DELETED : OUTCOME_REJECTED;
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
	if (c->put.s == NULL)
		return;
	if (!r->present)
		r->created = c->created_at;
	r->present = true;
	r->version = c->version;
	r->updated = c->updated_at;
	r->body = c->put.s;
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
	enum outcome_kind outcomes[LONGEST];
	const struct write *last[KEYS], *creator[KEYS];
	bool gone[KEYS];
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
		if (m.outcomes[i] != OUTCOME_REJECTED)
			m.last[k] = &writes[i];
		if (m.outcomes[i] == OUTCOME_CREATED)
			m.creator[k] = &writes[i];
		m.gone[k] = m.outcomes[i] == OUTCOME_REJECTED
				? m.gone[k]
				: m.outcomes[i] == OUTCOME_DELETED;
	}
	return m;
}

/* The last one. Every write that made a row is told in one of them, once, and
 * they stand in the order of their versions. */
static struct fold_effect all_effects(const struct fold_change *c)
{
	struct fold_effect e, last = {0};
	size_t told = 0, made = 0;
	for (size_t at = 0; fold_next_effect(c, &at, &e); last = e) {
		assert_true(
		    last.last == NULL ||
		    (last.gone && last.last->version < e.last->version));
		assert_true(e.creator == NULL || e.creator != last.creator);
		told += e.creator != NULL;
	}
	for (size_t i = 0; i < c->nwrites; i++)
		made += c->verdicts[i].outcome == OUTCOME_CREATED;
	assert_int_equal(told, made);
	return last;
}

static void check_change(const struct fold_change *c, size_t key, bool existed,
    const struct model *m)
{
	struct fold_verdict got[LONGEST], other[LONGEST];
	struct row row = before(existed);
	apply_change(&row, c);
	assert_same_row(&row, &m->rows[key]);
	fold_settle(c, !existed);
	memcpy(other, c->verdicts, c->nwrites * sizeof *other);
	fold_settle(c, existed);
	memcpy(got, c->verdicts, c->nwrites * sizeof *got);
	for (size_t i = 0; i < c->nwrites; i++) {
		size_t at = (size_t)(c->writes[i]->version - FIRST);
		assert_int_equal(got[i].outcome, m->outcomes[at]);
		bool rejected = got[i].reason == REASON_NOT_FOUND;
		assert_true(rejected == (got[i].outcome == OUTCOME_REJECTED));
		bool rejected_else = other[i].outcome == OUTCOME_REJECTED;
		/* Only the first one's rejection hangs on the row. */
		if (i > 0 || !fold_needs_row(c))
			assert_int_equal(rejected, rejected_else);
		else
			assert_int_equal(rejected, !existed);
	}
	struct fold_effect e = all_effects(c);
	assert_ptr_equal(e.last, m->last[key]);
	assert_int_equal(e.gone, m->gone[key]);
	assert_ptr_equal(e.creator, m->creator[key]);
	/* A put is always the newest that took effect. */
	if (c->put.s)
		assert_true(
		    e.last->body == c->put.s && c->version == e.last->version);
}

static void check(const size_t *keys, const bool *dels, size_t n)
{
	struct write writes[LONGEST];
	for (size_t i = 0; i < n; i++)
		writes[i] = make(i, keys[i], dels[i]);
	struct fold f;
	fold_init(&f, writes, n, NULL);
	for (unsigned existed = 0; existed < 1u << KEYS; existed++) {
		struct model m = run_model(writes, keys, n, existed);
		size_t seen = 0;
		for (size_t k = 0; k < KEYS; k++) {
			const struct fold_change *c =
			    fold_find(&f, declared("records"), ids[k] + 8, 1);
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
	fold_init(&f, writes, N + 1, NULL);
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

/* Only Postgres knows whether there is a row; the last touch counts. */
static void touches(void **state)
{
	(void)state;
	struct write writes[2];
	struct fold f;
	for (size_t i = 0; i < 2; i++) {
		writes[i] = make(i, 0, true);
		writes[i].op = RECORD_TOUCH;
	}
	fold_init(&f, writes, 2, NULL);
	assert_int_equal(f.n, 1);
	const struct fold_change *c = &f.changes[0];
	assert_true(c->touch && !c->erase && !c->reads && c->put.s == NULL);
	assert_false(fold_needs_row(c));
	assert_int_equal(c->version, FIRST + 1);
	for (int existed = 0; existed < 2; existed++) {
		struct fold_effect e;
		size_t at = 0;
		fold_settle(c, existed);
		assert_int_equal(c->verdicts[0].outcome,
		    existed ? OUTCOME_REPLACED : OUTCOME_DELETED);
		assert_true(fold_next_effect(c, &at, &e));
		assert_ptr_equal(e.last, &writes[1]);
		assert_int_equal(e.gone, !existed);
		assert_null(e.creator);
		assert_false(fold_next_effect(c, &at, &e));
	}
	struct fold_change first = fold_alone(c, 0);
	assert_true(first.touch && first.version == FIRST);
	fold_free(&f);
}

/* --- patches, increments, preconditions ------------------------------------
 */

/* A row of `counters`; amounts in hundredths. */
struct counter {
	bool present;
	version_t version;
	wall_us_t created, updated;
	int64_t count;
	bool has_amount;
	int64_t amount;
};

/* What an operation does, said twice: as a record, and to the model. */
struct op {
	enum record_op op;
	const char *body;
	int64_t count; /* put, patch: the value; increment: by */
	bool sets_count;
	bool sets_amount, null_amount;
	int64_t amount;
	enum record_condition condition;
	/* IF_MATCH: "*", "before" the row's at the start, "last" the write
	 * before this one's. */
	const char *match;
};

#define MAX "9223372036854775807"
#define PUT1 .op = RECORD_PUT, .body = "{\"count\":1}", .count = 1
static const struct op ops[] = {
    {PUT1},
    {RECORD_PUT, "{\"amount\":0.25,\"count\":" MAX "}", INT64_MAX, true, true,
	false, 25, 0, NULL},
    {PUT1, .condition = RECORD_IF_ABSENT},
    {PUT1, .condition = RECORD_IF_MATCH, .match = "*"},
    {PUT1, .condition = RECORD_IF_MATCH, .match = "before"},
    {PUT1, .condition = RECORD_IF_MATCH, .match = "last"},
    {.op = RECORD_DELETE, .body = ""},
    {.op = RECORD_DELETE,
	.body = "",
	.condition = RECORD_IF_MATCH,
	.match = "last"},
    {RECORD_PATCH, "{\"count\":5}", 5, true, false, false, 0, 0, NULL},
    {RECORD_PATCH, "{\"amount\":1.50}", 0, false, true, false, 150, 0, NULL},
    {RECORD_PATCH, "{\"amount\":null}", 0, false, true, true, 0,
	RECORD_IF_MATCH, "last"},
    {RECORD_INCREMENT, "{\"count\":1}", 1, true, false, false, 0, 0, NULL},
    {RECORD_INCREMENT, "{\"amount\":-0.1}", 0, false, true, false, -10, 0,
	NULL},
    {RECORD_INCREMENT, "{\"amount\":2,\"count\":-3}", -3, true, true, false,
	200, RECORD_IF_MATCH, "*"},
    {RECORD_INCREMENT, "{\"count\":1}", 1, true, false, false, 0,
	RECORD_IF_ABSENT, NULL},
};
enum { OPS = sizeof ops / sizeof *ops, STEPS = 64 };

static struct fold_verdict refuse(enum reason reason)
{
	return (struct fold_verdict){
	    .outcome = OUTCOME_REJECTED, .reason = reason};
}

static bool holds(const struct counter *r, const struct op *o, version_t before,
    version_t last)
{
	if (o->condition == RECORD_ALWAYS)
		return true;
	if (o->condition == RECORD_IF_ABSENT)
		return !r->present;
	if (!r->present || strcmp(o->match, "*") == 0)
		return r->present;
	return r->version == (strcmp(o->match, "before") == 0 ? before : last);
}

static struct fold_verdict model_change(struct counter *r, const struct op *o)
{
	if (!r->present)
		return refuse(REASON_NOT_FOUND);
	bool inc = o->op == RECORD_INCREMENT;
	int64_t count = o->count;
	if (inc && __builtin_add_overflow(r->count, o->count, &count))
		return refuse(REASON_OVERFLOW);
	if (o->sets_count)
		r->count = count;
	if (o->sets_amount) {
		int64_t was = inc && r->has_amount ? r->amount : 0;
		r->amount = was + o->amount;
		r->has_amount = !o->null_amount;
	}
	return (struct fold_verdict){.outcome = OUTCOME_REPLACED};
}

static struct fold_verdict model_write(struct counter *r, const struct op *o)
{
	bool was = r->present;
	switch (o->op) {
	case RECORD_PUT:
		r->present = true;
		r->count = o->count;
		r->has_amount = o->sets_amount;
		r->amount = o->amount;
		return (struct fold_verdict){
		    .outcome = was ? OUTCOME_REPLACED : OUTCOME_CREATED};
	case RECORD_DELETE:
		r->present = false;
		return was ? (struct fold_verdict){.outcome = OUTCOME_DELETED}
			   : refuse(REASON_NOT_FOUND);
	case RECORD_PATCH:
	case RECORD_INCREMENT:
	case RECORD_TOUCH: /* a change of its own: touches */
	case RECORD_BATCH: /* no write of a fold */
		break;
	}
	return model_change(r, o);
}

static struct fold_verdict model(struct counter *r, const struct op *o,
    const struct write *w, version_t before, version_t last)
{
	if (!holds(r, o, before, last))
		return refuse(REASON_PRECONDITION);
	struct fold_verdict v = model_write(r, o);
	if (v.outcome == OUTCOME_REJECTED)
		return v;
	if (v.outcome == OUTCOME_CREATED)
		r->created = w->accepted_at;
	r->version = w->version;
	r->updated = w->accepted_at;
	return v;
}

/* --- the other side: the fold, and what Postgres does with a change --------
 */

static char keys3[][16] = {"counters/a", "counters/b", "counters/c"};

static struct write make_op(const struct op *o, size_t key, version_t version,
    version_t before, char versions[32])
{
	snprintf(versions, 32, "%llu",
	    (unsigned long long)(o->match && strcmp(o->match, "before") == 0
				     ? before
				     : version - 1));
	if (o->match && strcmp(o->match, "*") == 0)
		strcpy(versions, "*");
	return (struct write){
	    .version = version,
	    .op = o->op,
	    .id = keys3[key],
	    .id_len = 10,
	    .collection = declared("counters"),
	    .key = keys3[key] + 9,
	    .key_len = 1,
	    .body = o->body,
	    .body_len = strlen(o->body),
	    .accepted_at = 1000 + (wall_us_t)version,
	    .said = {.condition = o->condition,
		.versions = versions,
		.versions_len = strlen(versions)},
	};
}

static int64_t hundredths(struct jsonslice v)
{
	char text[64];
	assert_true(v.len < sizeof text);
	memcpy(text, v.s, v.len);
	text[v.len] = '\0';
	return (
	    int64_t)(strtod(text, NULL) * 100 + (text[0] == '-' ? -0.5 : 0.5));
}

static void upsert(struct counter *r, const struct fold_change *c)
{
	struct document d;
	struct jsonslice object;
	assert_true(jsonslice_scan(c->put.s, c->put.len, &object));
	document_read(c->collection, object, &d);
	r->created = r->present ? r->created : c->created_at;
	r->present = true;
	r->version = c->version;
	r->updated = c->updated_at;
	assert_non_null(d.values[0].s);
	r->count = strtoll(d.values[0].s, NULL, 10);
	r->has_amount = d.values[1].s != NULL;
	r->amount = r->has_amount ? hundredths(d.values[1]) : 0;
}

static void render(const struct counter *r, char out[160])
{
	if (r->has_amount)
		snprintf(out, 160,
		    "{\"key\":\"a\",\"count\":%lld,\"amount\":%s%lld.%02lld,"
		    "\"created_at\":\"x\"}",
		    (long long)r->count, r->amount < 0 ? "-" : "",
		    llabs((long long)r->amount) / 100,
		    llabs((long long)r->amount) % 100);
	else
		snprintf(out, 160,
		    "{\"key\":\"a\",\"count\":%lld,\"amount\":null}",
		    (long long)r->count);
}

static void fold_batch(struct counter *rows, const struct write *writes,
    size_t n, struct fold_verdict *verdicts)
{
	struct fold f;
	fold_init(&f, writes, n, NULL);
	for (size_t i = 0; i < f.n; i++) {
		struct fold_change *c = &f.changes[i];
		struct counter *r = &rows[c->writes[0]->key[0] - 'a'];
		char text[160];
		render(r, text);
		struct fold_row row = {
		    r->present, r->version, {text, strlen(text)}, false, 0};
		if (c->reads)
			fold_decide(&f, c, &row);
		else
			fold_settle(c, r->present);
		for (size_t k = 0; k < c->nwrites; k++)
			verdicts[c->writes[k] - writes] = c->verdicts[k];
		if (c->erase)
			r->present = false;
		if (c->put.s)
			upsert(r, c);
		struct fold_effect e = all_effects(c);
		assert_true(c->put.s == NULL || e.last->version == r->version);
		if (c->put.s && e.creator)
			assert_true(r->created == e.creator->accepted_at);
	}
	fold_free(&f);
}

static void assert_same_counter(
    const struct counter *a, const struct counter *b)
{
	assert_int_equal(a->present, b->present);
	if (!a->present)
		return;
	assert_true(a->version == b->version);
	assert_true(a->created == b->created && a->updated == b->updated);
	assert_true(a->count == b->count);
	assert_int_equal(a->has_amount, b->has_amount);
	assert_true(!a->has_amount || a->amount == b->amount);
}

static const struct counter start = {true, BEFORE, 10, 20, -2, true, 7};

static void check_history(const size_t *steps, const size_t *keys, size_t n,
    const bool *cut, bool present)
{
	struct counter want[3] = {{0}}, got[3] = {{0}};
	struct write writes[STEPS];
	char versions[STEPS][32];
	struct fold_verdict expected[STEPS], verdicts[STEPS];
	for (size_t k = 0; present && k < 3; k++)
		want[k] = got[k] = start;
	for (size_t i = 0; i < n; i++) {
		const struct op *o = &ops[steps[i]];
		version_t v = FIRST + i;
		writes[i] = make_op(o, keys[i], v, BEFORE, versions[i]);
		expected[i] =
		    model(&want[keys[i]], o, &writes[i], BEFORE, v - 1);
	}
	for (size_t from = 0, to = 1; from < n; from = to++) {
		while (to < n && !cut[to])
			to++;
		fold_batch(got, &writes[from], to - from, &verdicts[from]);
	}
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(verdicts[i].outcome, expected[i].outcome);
		assert_int_equal(verdicts[i].reason, expected[i].reason);
	}
	for (size_t k = 0; k < 3; k++)
		assert_same_counter(&got[k], &want[k]);
}

static void every_short_history(void **state)
{
	(void)state;
	enum { N = 4 };
	static const size_t keys[N] = {0};
	static const bool whole[N] = {0};
	for (size_t code = 0; code < OPS * OPS * OPS * OPS; code++) {
		size_t steps[N], rest = code;
		for (size_t i = 0; i < N; i++, rest /= OPS)
			steps[i] = rest % OPS;
		check_history(steps, keys, N, whole, false);
		check_history(steps, keys, N, whole, true);
	}
}

/* Batch boundaries change nothing. */
static void random_histories(void **state)
{
	(void)state;
	uint64_t seed = 0x9e3779b97f4a7c15;
	for (int round = 0; round < 20000; round++) {
		size_t steps[STEPS], keys[STEPS];
		bool cut[STEPS];
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		size_t n = 1 + (seed >> 40) % STEPS;
		unsigned spread = 1 + (unsigned)(seed >> 33) % 3;
		for (size_t i = 0; i < n; i++) {
			seed =
			    seed * 6364136223846793005u + 1442695040888963407u;
			steps[i] = (seed >> 33) % OPS;
			keys[i] = (seed >> 40) % spread;
			cut[i] = (seed >> 50) % 8 == 0;
		}
		check_history(steps, keys, n, cut, round & 1);
	}
}

static long most_memory(void)
{
	struct rusage u;
	assert_int_equal(getrusage(RUSAGE_SELF, &u), 0);
	return u.ru_maxrss / 1024; /* MiB */
}

/* Many small patches of one large field are one batch by their bytes: what
 * each makes of the field does not stay until its end. The sanitizer holds
 * back what was freed, up to 256 MiB. */
static void patches_of_a_large_document(void **state)
{
	(void)state;
	enum { MANY = 1200, LARGE = 1 << 20, MOST = 700 };
	static struct write writes[MANY];
	const struct collection *c = declared("samples");
	struct buf row = {0};
	buf_str(&row, "{\"text\":\"t\",\"tree\":{\"large\":\"");
	for (int i = 0; i < LARGE; i++)
		buf_char(&row, 'x');
	buf_str(&row, "\",\"n\":0}}");
	for (size_t i = 0; i < MANY; i++)
		writes[i] = (struct write){
		    .version = FIRST + i,
		    .op = RECORD_PATCH,
		    .id = "samples/a",
		    .id_len = 9,
		    .collection = c,
		    .key = "a",
		    .key_len = 1,
		    .body = "{\"tree\":{\"n\":1}}",
		    .body_len = 16,
		    .accepted_at = 1000,
		};
	long before = most_memory();
	struct fold f;
	struct fold_row was = {true, BEFORE, {row.data, row.len}, false, 0};
	fold_init(&f, writes, MANY, NULL);
	assert_int_equal(f.n, 1);
	fold_decide(&f, &f.changes[0], &was);
	assert_true(f.changes[0].put.len > LARGE);
	assert_true(most_memory() - before < MOST);
	fold_free(&f);
	buf_free(&row);
}

/* A change that would make the row larger than it may be is rejected alone:
 * the ones around it count. */
static void a_row_may_be_so_large(void **state)
{
	(void)state;
	static const char *const patches[] = {"{\"tree\":{\"n\":1}}",
	    "{\"tree\":{\"n\":1e2000}}", "{\"tree\":{\"m\":2}}"};
	enum { CHANGES = 3 };
	const struct collection *c = collection_find("samples", 7);
	struct write writes[CHANGES];
	for (size_t i = 0; i < CHANGES; i++)
		writes[i] = (struct write){
		    .version = FIRST + i,
		    .op = RECORD_PATCH,
		    .id = "samples/a",
		    .id_len = 9,
		    .collection = c,
		    .key = "a",
		    .key_len = 1,
		    .body = patches[i],
		    .body_len = strlen(patches[i]),
		    .accepted_at = 1000,
		};
	static const char row[] = "{\"text\":\"x\",\"tree\":{}}";
	struct fold_row was = {
	    true, BEFORE, {row, sizeof row - 1}, false, 2000};
	struct fold f;
	fold_init(&f, writes, CHANGES, NULL);
	fold_decide(&f, &f.changes[0], &was);
	const struct fold_verdict *v = f.changes[0].verdicts;
	assert_int_equal(v[0].outcome, OUTCOME_REPLACED);
	assert_int_equal(v[1].outcome, OUTCOME_REJECTED);
	assert_int_equal(v[1].reason, REASON_TOO_LARGE);
	assert_int_equal(v[2].outcome, OUTCOME_REPLACED);
	struct jsonslice put = f.changes[0].put;
	assert_non_null(memmem(put.s, put.len, "{\"n\":1,\"m\":2}", 13));
	assert_true(f.changes[0].version == FIRST + 2);
	fold_free(&f);
	/* Of a row that was too large to be read nothing can be made, but a put
	 * takes its place. */
	writes[1].op = RECORD_PUT;
	writes[1].body = row;
	writes[1].body_len = sizeof row - 1;
	was = (struct fold_row){
	    .present = true, .version = BEFORE, .too_large = true};
	fold_init(&f, writes, CHANGES, NULL);
	fold_decide(&f, &f.changes[0], &was);
	v = f.changes[0].verdicts;
	assert_int_equal(v[0].reason, REASON_TOO_LARGE);
	assert_int_equal(v[1].outcome, OUTCOME_REPLACED);
	assert_int_equal(v[2].outcome, OUTCOME_REPLACED);
	put = f.changes[0].put;
	assert_non_null(memmem(put.s, put.len, "\"tree\":{\"m\":2}", 14));
	fold_free(&f);
}

/* A write that breaks a constraint is rejected alone, whatever the next one of
 * its batch makes of the row. */
static void constraints(void **state)
{
	(void)state;
	static const char *const by[] = {
	    "{\"whole\":-1}", "{\"whole\":1}", "{\"whole\":-2,\"part\":-9}"};
	enum { CHANGES = 3 };
	struct write writes[CHANGES];
	for (size_t i = 0; i < CHANGES; i++)
		writes[i] = (struct write){
		    .version = FIRST + i,
		    .op = RECORD_INCREMENT,
		    .id = "samples/a",
		    .id_len = 9,
		    .collection = declared("samples"),
		    .key = "a",
		    .key_len = 1,
		    .body = by[i],
		    .body_len = strlen(by[i]),
		    .accepted_at = 1000,
		};
	static const char row[] = "{\"text\":\"x\",\"whole\":-5,\"part\":1}";
	struct fold_row was = {true, BEFORE, {row, sizeof row - 1}, false, 0};
	struct fold f;
	fold_init(&f, writes, CHANGES, NULL);
	fold_decide(&f, &f.changes[0], &was);
	const struct fold_verdict *v = f.changes[0].verdicts;
	assert_int_equal(v[0].outcome, OUTCOME_REJECTED);
	assert_int_equal(v[0].reason, REASON_CONSTRAINT);
	assert_string_equal(v[0].detail, "samples_whole_minimum");
	assert_int_equal(v[1].outcome, OUTCOME_REPLACED);
	assert_int_equal(v[2].reason, REASON_CONSTRAINT);
	assert_string_equal(v[2].detail, "samples_part_exclusive_minimum");
	struct jsonslice put = f.changes[0].put;
	assert_non_null(memmem(put.s, put.len, "\"whole\":-4,", 11));
	assert_non_null(memmem(put.s, put.len, "\"part\":1,", 9));
	assert_true(f.changes[0].version == FIRST + 1);
	fold_free(&f);
}

/* --- owners -------------------------------------------------------------- */

static const char owned[] =
    "{\"name\":\"notes\",\"key\":{\"type\":\"string\"},"
    "\"fields\":{\"who\":{\"type\":\"string\",\"nullable\":true},"
    "\"n\":{\"type\":\"integer\",\"nullable\":true}},"
    "\"access\":{\"customer\":[\"read\"]},"
    "\"owner\":{\"field\":\"who\",\"for\":[\"customer\"]}}";

#define TEXT(s)                                                                \
	{                                                                      \
		s, sizeof(s) - 1                                               \
	}

/* One write of "ada" on a row that is hers, somebody else's, or absent; or of
 * an editor, who names no owner. */
static const struct {
	enum record_op op;
	enum record_condition condition;
	const char *body;
	bool editor;
	const char *row; /* NULL: absent */
	enum outcome_kind outcome;
	enum reason reason;
} by_owner[] = {
#define ADA "{\"who\":\"ada\",\"n\":1}"
#define BOB "{\"who\":\"bob\",\"n\":1}"
#define NOBODY "{\"who\":null,\"n\":1}"
    {RECORD_PUT, RECORD_ALWAYS, ADA, false, ADA, OUTCOME_REPLACED, 0},
    {RECORD_PUT, RECORD_ALWAYS, ADA, false, NULL, OUTCOME_CREATED, 0},
    {RECORD_PUT, RECORD_ALWAYS, ADA, false, BOB, OUTCOME_REJECTED,
	REASON_NOT_FOUND},
    {RECORD_PUT, RECORD_ALWAYS, ADA, false, NOBODY, OUTCOME_REJECTED,
	REASON_NOT_FOUND},
    {RECORD_PUT, RECORD_ALWAYS, ADA, true, BOB, OUTCOME_REPLACED, 0},
    {RECORD_PUT, RECORD_CREATE, ADA, false, BOB, OUTCOME_REJECTED,
	REASON_KEY_EXISTS},
    {RECORD_PUT, RECORD_IF_ABSENT, ADA, false, BOB, OUTCOME_REJECTED,
	REASON_PRECONDITION},
    {RECORD_PUT, RECORD_IF_MATCH, ADA, false, BOB, OUTCOME_REJECTED,
	REASON_PRECONDITION},
    {RECORD_PUT, RECORD_IF_MATCH, ADA, false, NULL, OUTCOME_REJECTED,
	REASON_PRECONDITION},
    {RECORD_PUT, RECORD_IF_MATCH, ADA, false, ADA, OUTCOME_REPLACED, 0},
    {RECORD_PATCH, RECORD_ALWAYS, "{\"n\":2}", false, ADA, OUTCOME_REPLACED, 0},
    {RECORD_PATCH, RECORD_ALWAYS, "{\"n\":2}", false, BOB, OUTCOME_REJECTED,
	REASON_NOT_FOUND},
    {RECORD_PATCH, RECORD_ALWAYS, "{\"n\":2}", false, NULL, OUTCOME_REJECTED,
	REASON_NOT_FOUND},
    {RECORD_PATCH, RECORD_ALWAYS, "{\"n\":2}", true, BOB, OUTCOME_REPLACED, 0},
    {RECORD_INCREMENT, RECORD_ALWAYS, "{\"n\":2}", false, BOB, OUTCOME_REJECTED,
	REASON_NOT_FOUND},
    {RECORD_DELETE, RECORD_ALWAYS, "", false, ADA, OUTCOME_DELETED, 0},
    {RECORD_DELETE, RECORD_ALWAYS, "", false, BOB, OUTCOME_REJECTED,
	REASON_NOT_FOUND},
    {RECORD_DELETE, RECORD_ALWAYS, "", true, BOB, OUTCOME_DELETED, 0},
#undef ADA
#undef BOB
#undef NOBODY
};

static void owners(void **state)
{
	struct declare_fault fault;
	struct declaration *d = declare(owned, strlen(owned), "notes", &fault);
	(void)state;
	assert_non_null(d);
	for (size_t i = 0; i < sizeof by_owner / sizeof by_owner[0]; i++) {
		const char *row = by_owner[i].row;
		struct write w = {
		    .version = FIRST,
		    .op = by_owner[i].op,
		    .id = "notes/k",
		    .id_len = 7,
		    .collection = declaration_collection(d),
		    .key = "k",
		    .key_len = 1,
		    .body = by_owner[i].body,
		    .body_len = strlen(by_owner[i].body),
		    .said = {.condition = by_owner[i].condition,
			.versions = "*",
			.versions_len = 1},
		};
		if (!by_owner[i].editor) {
			w.said.owner_field = (struct record_text)TEXT("who");
			w.said.owner = (struct record_text)TEXT("ada");
		}
		const struct fold_row was = {
		    .present = row != NULL,
		    .version = BEFORE,
		    .document = {row, row ? strlen(row) : 0},
		};
		struct fold f;
		fold_init(&f, &w, 1, NULL);
		assert_true(f.changes[0].reads);
		fold_decide(&f, &f.changes[0], &was);
		const struct fold_verdict *v = f.changes[0].verdicts;
		assert_int_equal(v->outcome, by_owner[i].outcome);
		assert_int_equal(v->reason, by_owner[i].reason);
		struct jsonslice whose = f.changes[0].owner_was;
		if (row && strstr(row, "bob"))
			assert_memory_equal(whose.s, "\"bob\"", 5);
		else if (row == NULL || strstr(row, "null"))
			assert_null(whose.s);
		fold_free(&f);
	}
	declaration_free(&d);
}

/* In the order of the log: what an editor does before decides. */
static void owners_in_turn(void **state)
{
	struct declare_fault fault;
	struct declaration *d = declare(owned, strlen(owned), "notes", &fault);
	(void)state;
	struct write w[4];
	for (size_t i = 0; i < 4; i++)
		w[i] = (struct write){
		    .version = FIRST + i,
		    .op = i == 3 ? RECORD_DELETE : RECORD_PATCH,
		    .id = "notes/k",
		    .id_len = 7,
		    .collection = declaration_collection(d),
		    .key = "k",
		    .key_len = 1,
		    .body = "{\"n\":5}",
		    .body_len = 7,
		    .said = {.owner_field = TEXT("who"), .owner = TEXT("ada")},
		};
	/* The second one is an editor's, who gives the row away. */
	w[1].said.owner.s = w[1].said.owner_field.s = NULL;
	w[1].body = "{\"who\":\"bob\"}";
	w[1].body_len = strlen(w[1].body);
	const struct fold_row was = {.present = true,
	    .version = BEFORE,
	    .document = TEXT("{\"who\":\"ada\",\"n\":1}")};
	struct fold f;
	fold_init(&f, w, 4, NULL);
	fold_decide(&f, &f.changes[0], &was);
	const struct fold_verdict *v = f.changes[0].verdicts;
	assert_int_equal(v[0].outcome, OUTCOME_REPLACED);
	assert_int_equal(v[1].outcome, OUTCOME_REPLACED);
	assert_int_equal(v[2].reason, REASON_NOT_FOUND);
	assert_int_equal(v[3].reason, REASON_NOT_FOUND);
	struct jsonslice put = f.changes[0].put;
	assert_non_null(memmem(put.s, put.len, "\"bob\"", 5));
	assert_memory_equal(f.changes[0].owner_was.s, "\"ada\"", 5);
	fold_free(&f);
	declaration_free(&d);
}

/* The owner may be a part of the key. The API may leave it out of a document,
 * so a put of the same slice does not have it. */
static void owners_in_the_key(void **state)
{
	static const char boxes[] =
	    "{\"name\":\"boxes\",\"key\":[\"n\",\"who\"],"
	    "\"fields\":{\"who\":{\"type\":\"string\"},"
	    "\"n\":{\"type\":\"integer\"},"
	    "\"text\":{\"type\":\"string\",\"nullable\":true}},"
	    "\"access\":{\"customer\":[\"read\"]},"
	    "\"owner\":{\"field\":\"who\",\"for\":[\"customer\"]}}";
	static const struct record_text who = TEXT("who"), ada = TEXT("a,da"),
					bob = TEXT("bob");
	struct declare_fault fault;
	struct declaration *d = declare(boxes, strlen(boxes), "boxes", &fault);
	(void)state;
	assert_non_null(d);
	struct write w[4];
	for (size_t i = 0; i < 4; i++)
		w[i] = (struct write){
		    .version = FIRST + i,
		    .op = i ? RECORD_PATCH : RECORD_PUT,
		    .id = "boxes/7,a%2Cda",
		    .id_len = 14,
		    .collection = declaration_collection(d),
		    .key = "7,a%2Cda",
		    .key_len = 8,
		    .body = "{\"text\":\"x\"}",
		    .body_len = 12,
		};
	w[1].said.owner_field = w[2].said.owner_field = who;
	w[1].said.owner = ada;
	w[2].said.owner = bob;
	const struct fold_row before[] = {{.present = false},
	    {.present = true,
		.version = BEFORE,
		.document = TEXT("{\"who\":\"a,da\",\"n\":7}")}};
	for (size_t k = 0; k < 2; k++) {
		struct fold f;
		fold_init(&f, w, 4, NULL);
		fold_decide(&f, &f.changes[0], &before[k]);
		const struct fold_verdict *v = f.changes[0].verdicts;
		assert_int_equal(
		    v[0].outcome, k ? OUTCOME_REPLACED : OUTCOME_CREATED);
		assert_int_equal(v[1].outcome, OUTCOME_REPLACED);
		assert_int_equal(v[2].reason, REASON_NOT_FOUND);
		assert_int_equal(v[3].outcome, OUTCOME_REPLACED);
		struct jsonslice was = f.changes[0].owner_was;
		assert_int_equal(was.len, k ? 6 : 0);
		if (k)
			assert_memory_equal(was.s, "\"a,da\"", 6);
		fold_free(&f);
	}
	declaration_free(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(constraints),
	    cmocka_unit_test(owners),
	    cmocka_unit_test(owners_in_turn),
	    cmocka_unit_test(owners_in_the_key),
	    cmocka_unit_test(every_sequence),
	    cmocka_unit_test(touches),
	    cmocka_unit_test(sorted_and_without_the_refused),
	    cmocka_unit_test(every_short_history),
	    cmocka_unit_test(random_histories),
	    cmocka_unit_test(patches_of_a_large_document),
	    cmocka_unit_test(a_row_may_be_so_large),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
