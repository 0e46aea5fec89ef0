/* Results of another shape than the one that was asked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/postgres/pg_shape.h"
#include "common/sql/row_doc.h"
#include "tests/unit/declared.h"

enum { MOST = 16 };

/* Cells of one row; len -1: null. */
struct cell {
	const char *s;
	int len;
};

static PGresult *result(const struct cell *cells, int columns, int rows)
{
	char name[] = "n";
	PGresAttDesc descriptions[MOST] = {{.name = NULL}};
	for (int i = 0; i < columns; i++)
		descriptions[i] = (PGresAttDesc){.name = name, .format = 1};
	PGresult *r = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
	assert_true(PQsetResultAttrs(r, columns, descriptions));
	for (int row = 0; row < rows; row++) {
		for (int i = 0; i < columns; i++)
			assert_true(PQsetvalue(r, row, i,
			    (char *)(uintptr_t)cells[i].s, cells[i].len));
	}
	return r;
}

static bool fits(const char *columns, const struct cell *cells, int n)
{
	PGresult *r = result(cells, n, 1);
	const struct pg_shape shape =
	    row_doc_shape(columns, declared("records"));
	bool ok = pg_shape_fits(shape, r);
	PQclear(r);
	return ok;
}

static bool one(const char *columns, const char *s, int len)
{
	const struct cell cell = {s, len};
	return fits(columns, &cell, 1);
}

static void numbers(void **state)
{
	(void)state;
	assert_true(one("p", "\0\0\0\7", 4));
	assert_false(one("p", "\377\0\0\7", 4));
	assert_false(one("p", "\0\0\0\7\0", 5));
	assert_false(one("p", NULL, -1));
	assert_true(one("p?", NULL, -1));
	assert_true(one("e", "\0\0\177\377", 4));
	assert_false(one("e", "\0\0\200\0", 4));
	assert_true(one("v", "\0\0\0\0\0\0\0\7", 8));
	assert_false(one("v", "\377\0\0\0\0\0\0\7", 8));
	assert_false(one("v", "\0\0\0\7", 4));
	assert_true(one("8", "\377\0\0\0\0\0\0\7", 8));
	assert_false(one("8", "", 0));
	assert_true(one("b", "\1", 1));
	assert_false(one("b", "", 0));
	assert_true(one("s", NULL, -1));
	assert_true(one("s", "text", 4));
}

static void columns(void **state)
{
	(void)state;
	const struct cell cells[] = {
	    {"\0\0\0\7", 4}, {"\0\0\0\0\0\0\0\7", 8}, {NULL, -1}};
	assert_true(fits("pvv?", cells, 3));
	assert_false(fits("pv", cells, 3));
	assert_false(fits("pvv?s", cells, 3));
	assert_false(fits("pvv", cells, 3));
}

/* key, value, created_at, updated_at, as records has them. */
static void documents(void **state)
{
	(void)state;
	struct cell cells[] = {{"\0\0\0\0\0\0\0\7", 8}, {"k", 1}, {"v", 1},
	    {"\0\0\0\0\0\0\0\0", 8}, {"\0\0\0\0\0\0\0\0", 8}};
	assert_true(fits("vR", cells, 5));
	cells[4].len = 6;
	assert_false(fits("vR", cells, 5));
	cells[4].len = 8;
	cells[3].len = 7;
	assert_false(fits("vR", cells, 5));
	assert_false(fits("vR", cells, 4));
}

static void rows(void **state)
{
	(void)state;
	const struct cell cell = {"t", 1};
	for (int n = 0; n < 3; n++) {
		PGresult *r = result(&cell, 1, n);
		const struct pg_shape any = {.columns = "s"},
				      single = {.columns = "s!"};
		assert_true(pg_shape_fits(any, r));
		assert_int_equal(pg_shape_fits(single, r), n == 1);
		PQclear(r);
	}
}

static void no_rows(void **state)
{
	(void)state;
	PGresult *r = PQmakeEmptyPGresult(NULL, PGRES_COMMAND_OK);
	const struct pg_shape none = {.columns = NULL}, some = {.columns = "s"};
	assert_true(pg_shape_fits(none, r));
	assert_false(pg_shape_fits(some, r));
	PQclear(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(numbers),
	    cmocka_unit_test(columns),
	    cmocka_unit_test(documents),
	    cmocka_unit_test(rows),
	    cmocka_unit_test(no_rows),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
