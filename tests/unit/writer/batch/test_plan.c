/* A batch as statements; and the trial of one that was rejected. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "writer/batch/plan.h"

#include "tests/unit/declared.h"

#include <string.h>

enum { N = 5 };

static struct write make(size_t i, enum record_op op, const char *id)
{
	const char *body = op == RECORD_PUT ? "{\"value\":\"\"}" : "";
	struct write w = {
	    .version = 100 + i,
	    .op = op,
	    .has_op = true,
	    .id = id,
	    .id_len = strlen(id),
	    .collection = collection_find("records", 7),
	    .key = strchr(id, '/') + 1,
	    .key_len = strlen(strchr(id, '/') + 1),
	    .body = body,
	    .body_len = strlen(body),
	    .said = {.seq = 7 + i},
	};
	memcpy(w.said.instance, "0123456789abcdef", 17);
	return w;
}

static struct statements *statements;
static struct write writes[N];
static struct dedup nobody;

static int begin(void **state)
{
	(void)state;
	declared("records");
	statements = statements_new();
	writes[0] = make(0, RECORD_PUT, "records/b");
	writes[1] = make(1, RECORD_PUT, "records/a");
	writes[2] = make(2, RECORD_DELETE, "records/b");
	writes[3] = make(3, RECORD_PUT, "records/c");
	writes[3].refused = REASON_DATA;
	writes[4] = make(4, RECORD_PUT, "records/b");
	return 0;
}

static int end(void **state)
{
	(void)state;
	statements_free(&statements);
	return 0;
}

static struct slice *slice_of(size_t first, size_t n)
{
	static struct slice s;
	s = (struct slice){.partition = 3,
	    .from = 100 + first,
	    .to = 100 + first + n,
	    .writes = &writes[first],
	    .n = n,
	    .producers = &nobody};
	return &s;
}

/* The beginnings of its statements. */
static void says(struct batch_plan *p, const char *const *want, size_t n)
{
	struct pg_query queries[16];
	assert_int_equal(plan_queries(p), n);
	assert_true(n <= sizeof queries / sizeof *queries);
	plan_query(p, queries);
	for (size_t i = 0; i < n; i++) {
		bool tried = want[i][0] == '?';
		const char *text = want[i] + tried;
		assert_int_equal(queries[i].tried, tried);
		assert_memory_equal(queries[i].sql, text, strlen(text));
	}
}

/* One row per key; what is noted beside them. */
static void applies(void **state)
{
	(void)state;
	static const char *const want[] = {"SELECT sluice.fence",
	    "WITH gone AS (DELETE", "INSERT INTO public.\"records\"",
	    "INSERT INTO sluice.rejections", "INSERT INTO sluice.producers"};
	struct slice *s = slice_of(0, N);
	struct batch_plan *p = plan_new(statements, &s, 1, 0);
	says(p, want, sizeof want / sizeof *want);
	plan_free(&p);
}

/* A touch is a statement of its own, with a bound for its answer. */
static void touches(void **state)
{
	(void)state;
	static const char *const want[] = {"SELECT sluice.fence",
	    "INSERT INTO public.\"records\"", "WITH touched AS (UPDATE",
	    "INSERT INTO sluice.producers"};
	struct write two[] = {make(0, RECORD_PUT, "records/b"),
	    make(1, RECORD_TOUCH, "records/a")};
	struct slice *s = slice_of(0, 2);
	s->writes = two;
	struct batch_plan *p = plan_new(statements, &s, 1, 0);
	says(p, want, sizeof want / sizeof *want);
	plan_free(&p);
}

/* The same number of statements for several partitions, and what each says of
 * which. */
static void applies_slices_together(void **state)
{
	(void)state;
	static const char *const want[] = {"SELECT sluice.fence",
	    "WITH gone AS (DELETE", "INSERT INTO public.\"records\"",
	    "INSERT INTO sluice.rejections", "INSERT INTO sluice.producers"};
	struct slice first = *slice_of(0, 2), second = *slice_of(2, 3);
	struct slice *slices[] = {&first, &second};
	second.partition = 5;
	struct batch_plan *p = plan_new(statements, slices, 2, 0);
	says(p, want, sizeof want / sizeof *want);
	assert_int_equal(plan_verdicts(p, 0)->partition, 3);
	assert_int_equal(plan_verdicts(p, 0)->nrejected, 0);
	assert_int_equal(plan_verdicts(p, 1)->partition, 5);
	assert_int_equal(plan_verdicts(p, 1)->nrejected, 1);
	plan_free(&p);
}

static void tells_the_guilty_slice(void **state)
{
	(void)state;
	/* BEGIN, SET CONSTRAINTS, the fence, b, a, b's delete, b */
	struct pg_failure failures[] = {
	    {.at = 4, .err = {.kind = ERR_KIND_REJECT}},
	    {.at = 6, .err = {.kind = ERR_KIND_REJECT}},
	};
	struct pg_reply reply = {.failures = failures, .nfailures = 2};
	struct slice first = *slice_of(0, 2), second = *slice_of(2, 3);
	struct slice *slices[] = {&first, &second};
	struct batch_plan *p = plan_trial(statements, slices, 2);
	struct plan_write guilty[2] = {{9, 9, 9}, {9, 9, 9}};
	assert_int_equal(plan_guilty(p, &reply, guilty), 2);
	assert_int_equal(guilty[0].slice, 0);
	assert_int_equal(guilty[0].write, 1);
	assert_int_equal(guilty[1].slice, 1);
	assert_int_equal(guilty[1].write, 2);
	plan_free(&p);
}

/* Where Postgres judges in the order of the log: a statement per write. */
static void applies_in_order(void **state)
{
	(void)state;
	static const char *const want[] = {"SELECT sluice.fence",
	    "DO $$BEGIN SET CONSTRAINTS", "INSERT INTO public.\"records\"",
	    "WITH gone AS (DELETE", "INSERT INTO sluice.rejections",
	    "INSERT INTO sluice.producers"};
	struct slice *s = slice_of(1, 3); /* a; not b; c, which is refused */
	struct batch_plan *p = plan_new(statements, &s, 1, PLAN_IN_ORDER);
	says(p, want, sizeof want / sizeof *want);
	plan_free(&p);
}

/* One statement per write, in the order of the log, without the refused one;
 * nothing of it stays. */
static void tries(void **state)
{
	(void)state;
	static const char *const want[] = {"BEGIN",
	    "SET CONSTRAINTS ALL IMMEDIATE", "SELECT sluice.fence",
	    "?INSERT INTO public.\"records\"",
	    "?INSERT INTO public.\"records\"", "?WITH gone AS (DELETE",
	    "?INSERT INTO public.\"records\"", "ROLLBACK"};
	struct slice *s = slice_of(0, N);
	struct batch_plan *p = plan_trial(statements, &s, 1);
	says(p, want, sizeof want / sizeof *want);
	plan_free(&p);
}

static void tells_the_guilty(void **state)
{
	(void)state;
	struct pg_failure failures[] = {
	    {.at = 3, .err = {.kind = ERR_KIND_REJECT}},
	    {.at = 4, .err = {.kind = ERR_KIND_REJECT}},
	    {.at = 6, .err = {.kind = ERR_KIND_REJECT}},
	};
	struct pg_reply reply = {.failures = failures, .nfailures = 3};
	struct slice *s = slice_of(0, N);
	struct batch_plan *p = plan_trial(statements, &s, 1);
	struct plan_write guilty[3] = {{9, 9, 9}, {9, 9, 9}, {9, 9, 9}};
	assert_int_equal(plan_guilty(p, &reply, guilty), 3);
	assert_int_equal(guilty[0].slice, 0);
	assert_int_equal(guilty[0].write, 0);
	assert_int_equal(guilty[1].slice, 0);
	assert_int_equal(guilty[1].write, 1);
	assert_int_equal(guilty[2].slice, 0);
	assert_int_equal(guilty[2].write, 4);
	/* A database in trouble is nobody's fault. */
	failures[1].err.kind = ERR_KIND_RETRY;
	assert_int_equal(plan_guilty(p, &reply, guilty), 1);
	failures[0].err.kind = ERR_KIND_FATAL;
	assert_int_equal(plan_guilty(p, &reply, guilty), 0);
	reply.nfailures = 0;
	assert_int_equal(plan_guilty(p, &reply, guilty), 0);
	plan_free(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(applies, begin, end),
	    cmocka_unit_test_setup_teardown(touches, begin, end),
	    cmocka_unit_test_setup_teardown(
		applies_slices_together, begin, end),
	    cmocka_unit_test_setup_teardown(applies_in_order, begin, end),
	    cmocka_unit_test_setup_teardown(tries, begin, end),
	    cmocka_unit_test_setup_teardown(tells_the_guilty, begin, end),
	    cmocka_unit_test_setup_teardown(tells_the_guilty_slice, begin, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
