/* A server that answers with what was not asked for. Nothing is sent anywhere:
 * there is no connection, and the results are made here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/postgres/pg_pipeline.h"

#include <string.h>

static struct pgunits units;
static int answered;
static struct err told;
static size_t results;

static void on_done(void *arg, const struct pg_reply *reply)
{
	(void)arg;
	answered++;
	told = reply->err;
	results = reply->n;
}

static void ask(const char *columns)
{
	const struct pg_query q = {
	    .sql = "SELECT 1", .once = true, .shape.columns = columns};
	answered = 0;
	pgunits_init(&units);
	pgunits_send(&units, NULL, &q, 1, on_done, NULL);
}

static PGresult *row(const char *s, int len)
{
	char name[] = "n";
	PGresAttDesc column = {.name = name, .format = 1};
	PGresult *r = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
	assert_true(PQsetResultAttrs(r, 1, &column));
	assert_true(PQsetvalue(r, 0, 0, (char *)(uintptr_t)s, len));
	return r;
}

static void finish(void)
{
	pgunits_result(&units, PQmakeEmptyPGresult(NULL, PGRES_PIPELINE_SYNC));
}

static void distrusted(void)
{
	assert_int_equal(answered, 1);
	assert_int_equal(told.kind, ERR_KIND_RETRY);
	assert_string_equal(told.code, "08P01");
	assert_int_equal(results, 0);
	assert_non_null(units.leave);
	pgunits_free(&units);
}

static void as_asked(void **state)
{
	(void)state;
	ask("p");
	pgunits_result(&units, row("\0\0\0\7", 4));
	finish();
	assert_int_equal(answered, 1);
	assert_int_equal(told.kind, ERR_KIND_OK);
	assert_int_equal(results, 1);
	assert_null(units.leave);
	pgunits_free(&units);
}

static void of_another_length(void **state)
{
	(void)state;
	ask("p");
	pgunits_result(&units, row("\0\0\0\7\0\0", 6));
	finish();
	distrusted();
}

static void one_too_many(void **state)
{
	(void)state;
	ask(NULL);
	pgunits_result(&units, row("t", 1));
	pgunits_result(&units, row("t", 1));
	finish();
	distrusted();
}

static void one_too_few(void **state)
{
	(void)state;
	ask(NULL);
	finish();
	distrusted();
}

/* Of COPY libpq gives a result as often as it is asked. */
static void of_copy(void **state)
{
	(void)state;
	ask(NULL);
	pgunits_result(&units, PQmakeEmptyPGresult(NULL, PGRES_COPY_OUT));
	assert_non_null(units.leave);
	finish();
	distrusted();
}

static void for_nobody(void **state)
{
	(void)state;
	pgunits_init(&units);
	pgunits_result(&units, row("t", 1));
	assert_non_null(units.leave);
	pgunits_free(&units);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(as_asked),
	    cmocka_unit_test(of_another_length),
	    cmocka_unit_test(one_too_many),
	    cmocka_unit_test(one_too_few),
	    cmocka_unit_test(of_copy),
	    cmocka_unit_test(for_nobody),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
