/* Rows whose time comes: however a history is cut into batches, it has the same
 * outcomes and leaves the same row. Every short sequence of operations is
 * tried, with every row before it; the times of the writes go up and down, as
 * those of instances with different clocks do.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/mem.h"
#include "common/schema/declare.h"
#include "writer/decide/fold.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char text[] =
    "{\"name\":\"c\",\"key\":{\"type\":\"string\"},\"fields\":{"
    "\"n\":{\"type\":\"integer\",\"default\":0},\"at\":{\"type\":\"string\","
    "\"format\":\"date-time\",\"nullable\":true}},\"expires\":\"at\"}";
static struct declaration *declared_one;

#define AT(s) "{\"at\":\"1970-01-01T00:00:0" s "Z\"}"
static const struct op {
	enum record_op op;
	const char *body;
	enum record_condition condition;
	const char *versions;
} ops[] = {
    {RECORD_PUT, AT("5"), RECORD_ALWAYS, NULL},
    {RECORD_PUT, "{\"n\":1}", RECORD_ALWAYS, NULL},
    {RECORD_PUT, AT("5"), RECORD_CREATE, NULL},
    {RECORD_PATCH, AT("8"), RECORD_ALWAYS, NULL},
    {RECORD_INCREMENT, "{\"n\":1}", RECORD_IF_MATCH, "*"},
    {RECORD_DELETE, "", RECORD_ALWAYS, NULL},
    {RECORD_DELETE, "", RECORD_IF_EXPIRED, "*"},
    {RECORD_DELETE, "", RECORD_IF_EXPIRED, "7"},
};
enum { OPS = sizeof ops / sizeof ops[0], LONGEST = 3, FIRST = 100 };
static const wall_us_t times[LONGEST] = {5000000, 4999999, 9000000};

struct row {
	bool present;
	version_t version;
	wall_us_t created;
	char document[100];
};

struct outcome {
	enum outcome_kind kind;
	enum reason reason;
};

static struct write make(size_t i, const struct op *o)
{
	return (struct write){
	    .version = FIRST + i,
	    .op = o->op,
	    .id = "c/k",
	    .id_len = 3,
	    .collection = declaration_collection(declared_one),
	    .key = "k",
	    .key_len = 1,
	    .body = o->body,
	    .body_len = strlen(o->body),
	    .accepted_at = times[i],
	    .said = {.condition = o->condition,
		.versions = o->versions,
		.versions_len = o->versions ? strlen(o->versions) : 0},
	};
}

/* What Postgres does with the change. */
static void apply(struct row *r, const struct fold_change *c)
{
	if (c->erase)
		r->present = false;
	if (c->put.s == NULL)
		return;
	if (!r->present)
		r->created = c->created_at;
	r->present = true;
	r->version = c->version;
	assert_true(c->put.len < sizeof r->document);
	memcpy(r->document, c->put.s, c->put.len);
	r->document[c->put.len] = '\0';
}

/* Each creation is told once; the last effect is what the row is. */
static void check_effects(const struct fold_change *c, const struct row *before,
    const struct row *now)
{
	struct fold_effect e, last = {0};
	size_t told = 0, made = 0;
	for (size_t at = 0; fold_next_effect(c, &at, &e); last = e) {
		assert_true(last.last == NULL || last.gone);
		told += e.creator != NULL;
	}
	for (size_t i = 0; i < c->nwrites; i++)
		made += c->verdicts[i].outcome == OUTCOME_CREATED;
	assert_int_equal(told, made);
	if (last.last)
		assert_int_equal(last.gone, !now->present);
	else
		assert_memory_equal(before, now, sizeof *now);
}

static void batch(
    struct row *r, const struct write *writes, size_t n, struct outcome *out)
{
	struct fold f;
	const struct row before = *r;
	struct fold_row row = {
	    .present = r->present,
	    .version = r->version,
	    .document = {r->document, strlen(r->document)},
	};
	fold_init(&f, writes, n, NULL);
	assert_int_equal(f.n, 1);
	assert_true(f.changes[0].reads);
	fold_decide(&f, &f.changes[0], &row);
	apply(r, &f.changes[0]);
	check_effects(&f.changes[0], &before, r);
	for (size_t i = 0; i < n; i++)
		out[i] = (struct outcome){f.changes[0].verdicts[i].outcome,
		    f.changes[0].verdicts[i].reason};
	fold_free(&f);
}

/* A document may be written in more than one way. */
static bool same(const struct row *a, const struct row *b)
{
	if (a->present != b->present)
		return false;
	return !a->present ||
	       (a->version == b->version && a->created == b->created &&
		   strcmp(a->document, b->document) == 0);
}

static void check(const size_t *which, size_t n, const struct row *before)
{
	struct write writes[LONGEST];
	struct outcome alone[LONGEST], together[LONGEST];
	struct row want = *before;
	for (size_t i = 0; i < n; i++) {
		writes[i] = make(i, &ops[which[i]]);
		batch(&want, &writes[i], 1, &alone[i]);
	}
	for (size_t cut = 0; cut < n; cut++) {
		struct row got = *before;
		if (cut)
			batch(&got, writes, cut, together);
		batch(&got, writes + cut, n - cut, together + cut);
		assert_memory_equal(together, alone, n * sizeof *alone);
		assert_true(same(&got, &want));
	}
}

static void however_it_is_cut(void **state)
{
	static const struct row rows[] = {
	    {.present = false},
	    {true, 7, 10, AT("5")},
	    {true, 7, 10, "{\"n\":3}"},
	};
	size_t which[LONGEST], all = 1;
	(void)state;
	for (size_t n = 1; n <= LONGEST; n++) {
		all *= OPS;
		for (size_t k = 0; k < all; k++) {
			size_t rest = k;
			for (size_t i = 0; i < n; i++, rest /= OPS)
				which[i] = rest % OPS;
			for (size_t r = 0; r < 3; r++)
				check(which, n, &rows[r]);
		}
	}
}

/* One write at a time 5 s, which is the time of the row. */
static void at_its_time(void **state)
{
	static const struct {
		struct op op;
		enum outcome_kind kind;
		enum reason reason;
		bool present;
	} cases[] = {
	    {{RECORD_PUT, "{}", RECORD_ALWAYS, NULL}, OUTCOME_CREATED,
		REASON_NONE, true},
	    {{RECORD_PUT, "{}", RECORD_CREATE, NULL}, OUTCOME_CREATED,
		REASON_NONE, true},
	    {{RECORD_PUT, "{}", RECORD_IF_MATCH, "7"}, OUTCOME_REJECTED,
		REASON_PRECONDITION, true},
	    {{RECORD_PATCH, AT("9"), RECORD_ALWAYS, NULL}, OUTCOME_REJECTED,
		REASON_NOT_FOUND, true},
	    {{RECORD_DELETE, "", RECORD_ALWAYS, NULL}, OUTCOME_REJECTED,
		REASON_NOT_FOUND, true},
	    {{RECORD_DELETE, "", RECORD_IF_EXPIRED, "7"}, OUTCOME_DELETED,
		REASON_NONE, false},
	    {{RECORD_DELETE, "", RECORD_IF_EXPIRED, "6"}, OUTCOME_REJECTED,
		REASON_PRECONDITION, true},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct row r = {true, 7, 10, AT("5")};
		struct write w = make(0, &cases[i].op);
		struct outcome out;
		batch(&r, &w, 1, &out);
		assert_int_equal(out.kind, cases[i].kind);
		assert_int_equal(out.reason, cases[i].reason);
		assert_int_equal(r.present, cases[i].present);
		assert_true(
		    r.created == (out.kind == OUTCOME_CREATED ? times[0] : 10));
		/* A microsecond earlier, it is there: the writer's own delete
		 * finds nothing to delete. */
		r = (struct row){true, 7, 10, AT("5")};
		w = make(1, &cases[i].op);
		batch(&r, &w, 1, &out);
		bool own = cases[i].op.condition == RECORD_IF_EXPIRED;
		bool creates = cases[i].op.condition == RECORD_CREATE;
		assert_int_equal(out.kind == OUTCOME_REJECTED, own || creates);
		assert_true(out.kind != OUTCOME_CREATED);
	}
}

/* Its time is not known here; the writer knew it when it looked for it. */
static void too_large(void **state)
{
	(void)state;
	struct fold f;
	struct fold_row row = {
	    .present = true, .version = 7, .too_large = true};
	const struct op own = {RECORD_DELETE, "", RECORD_IF_EXPIRED, "7"};
	struct write w = make(0, &own);
	fold_init(&f, &w, 1, NULL);
	fold_decide(&f, &f.changes[0], &row);
	assert_int_equal(f.changes[0].verdicts[0].outcome, OUTCOME_DELETED);
	fold_free(&f);
}

static int set_up(void **state)
{
	struct declare_fault fault;
	(void)state;
	declared_one = declare(text, strlen(text), "c", &fault);
	return declared_one == NULL;
}

static int tear_down(void **state)
{
	(void)state;
	declaration_free(&declared_one);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(however_it_is_cut),
	    cmocka_unit_test(at_its_time),
	    cmocka_unit_test(too_large),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
