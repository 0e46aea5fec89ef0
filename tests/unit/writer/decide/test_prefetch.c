/* What is read for a batch: in one question, or two, or too much. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "writer/decide/prefetch.h"

#include "common/sql/sql.h"
#include "tests/unit/declared.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

enum { N = 5, FROM = 100, MOST = 400, DOCUMENT_MAX = 1000 };

static struct statements *statements;
static struct write writes[N];

/* In the order of the log; the fold sorts them by key. */
static const char *const ids[N] = {
    "records/c", "records/a", "records/c", "records/b", "records/d"};

static int begin(void **state)
{
	(void)state;
	declared("records");
	statements = statements_new();
	for (size_t i = 0; i < N; i++) {
		writes[i] = (struct write){
		    .version = FROM + i,
		    .op = RECORD_PATCH,
		    .has_op = true,
		    .id = ids[i],
		    .id_len = strlen(ids[i]),
		    .collection = collection_find("records", 7),
		    .key = ids[i] + 8,
		    .key_len = 1,
		    .body = "{}",
		    .body_len = 2,
		};
	}
	return 0;
}

static int end(void **state)
{
	(void)state;
	statements_free(&statements);
	return 0;
}

/* --- what Postgres says ----------------------------------------------------
 */

/* Of a key: the length of its value; 0: there is no row. */
struct there {
	char key;
	size_t bytes;
};

static void set_int8(PGresult *r, int row, int column, size_t v)
{
	uint64_t be = htobe64(v);
	assert_true(PQsetvalue(r, row, column, (char *)&be, sizeof be));
}

static void set_row(PGresult *r, int row, struct there t, size_t share)
{
	int column = SQL_WITHIN_ROW;
	char *value = malloc(t.bytes);
	memset(value, 'v', t.bytes);
	set_int8(r, row, 2, 50);
	set_int8(r, row, 3, t.bytes);
	assert_true(PQsetvalue(r, row, column++, &t.key, 1));
	if (t.bytes <= share)
		assert_true(PQsetvalue(r, row, column, value, (int)t.bytes));
	else
		assert_true(PQsetvalue(r, row, column, NULL, -1));
	set_int8(r, row, ++column, 0);
	set_int8(r, row, ++column, 0);
	free(value);
}

/* Answers as the statement would, whose keys are checked. */
static enum prefetch_answer answer(struct prefetch *l, const struct there *all,
    size_t n, size_t share, size_t as_of)
{
	static PGresAttDesc columns[SQL_WITHIN_ROW + 4] = {
	    {.name = "i", .format = 1, .typid = PG_INT8, .typlen = 8},
	    {.name = "as_of", .format = 1, .typid = PG_INT8, .typlen = 8},
	    {.name = "version", .format = 1, .typid = PG_INT8, .typlen = 8},
	    {.name = "bytes", .format = 1, .typid = PG_INT8, .typlen = 8},
	    {.name = "key", .format = 1, .typid = PG_TEXT, .typlen = -1},
	    {.name = "value", .format = 1, .typid = PG_TEXT, .typlen = -1},
	    {.name = "c", .format = 1, .typid = PG_TIMESTAMPTZ, .typlen = 8},
	    {.name = "u", .format = 1, .typid = PG_TIMESTAMPTZ, .typlen = 8},
	};
	struct pg_query q;
	uint64_t asked;
	assert_int_equal(prefetch_queries(l), 1);
	prefetch_query(l, &q);
	assert_int_equal(q.nparams, 3);
	memcpy(&asked, q.values[2], sizeof asked);
	assert_true(be64toh(asked) == share);
	PGresult *r = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
	assert_true(PQsetResultAttrs(r, SQL_WITHIN_ROW + 4, columns));
	for (int row = 0; row < (int)n; row++) {
		/* array_send: a header of 20 bytes, then length and bytes */
		assert_int_equal(q.values[0][20 + 5 * row + 4], all[row].key);
		set_int8(r, row, 0, (size_t)row + 1);
		set_int8(r, row, 1, as_of);
		if (all[row].bytes)
			set_row(r, row, all[row], share);
		else
			for (int i = 2; i < SQL_WITHIN_ROW + 4; i++)
				assert_true(PQsetvalue(r, row, i, NULL, -1));
	}
	enum prefetch_answer out = prefetch_results(l, &r, FROM);
	PQclear(r);
	return out;
}

static void is_known(struct prefetch *l, size_t write, size_t bytes)
{
	const struct write *const w = &writes[write];
	const struct fold_change c = {
	    .writes = &w, .nwrites = 1, .collection = w->collection};
	struct fold_row row = prefetch_row(l, &c);
	assert_int_equal(row.present, bytes > 0);
	assert_true(row.document.len >= bytes);
}

static struct prefetch *make(size_t n)
{
	return prefetch_new(statements, 3, writes, n, MOST, DOCUMENT_MAX);
}

/* --- tests -----------------------------------------------------------------
 */

/* One row alone is more than a document may be: it is never asked for. */
static void a_row_that_is_no_document(void **state)
{
	(void)state;
	static const struct there all[] = {{'a', 1}, {'c', DOCUMENT_MAX + 1}};
	struct prefetch *l = make(3);
	assert_int_equal(answer(l, all, 2, MOST / 2, FROM), PREFETCH_DONE);
	const struct write *const w = &writes[0];
	const struct fold_change c = {
	    .writes = &w, .nwrites = 1, .collection = w->collection};
	struct fold_row row = prefetch_row(l, &c);
	assert_true(row.present && row.too_large && row.document.s == NULL);
	assert_int_equal(row.most, DOCUMENT_MAX);
	prefetch_free(&l);
}

static void nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < N; i++)
		writes[i].op = RECORD_PUT;
	assert_null(make(N));
}

static void small_rows_are_one_question(void **state)
{
	(void)state;
	static const struct there all[] = {
	    {'a', 100}, {'b', 0}, {'c', 100}, {'d', 100}};
	struct prefetch *l = make(N);
	assert_int_equal(answer(l, all, 4, MOST / 4, FROM), PREFETCH_DONE);
	is_known(l, 0, 100);
	is_known(l, 1, 100);
	is_known(l, 3, 0);
	is_known(l, 4, 100);
	prefetch_free(&l);
}

static void a_large_one_is_asked_for_again(void **state)
{
	(void)state;
	static const struct there all[] = {
	    {'a', 10}, {'b', 0}, {'c', 101}, {'d', 289}};
	struct prefetch *l = make(N);
	assert_int_equal(answer(l, all, 4, MOST / 4, FROM), PREFETCH_MORE);
	assert_int_equal(answer(l, all + 2, 2, INT64_MAX, FROM), PREFETCH_DONE);
	is_known(l, 0, 101);
	is_known(l, 1, 10);
	is_known(l, 3, 0);
	is_known(l, 4, 289);
	prefetch_free(&l);
}

/* In the order of the log: c 200, a 150, b 51. */
static void too_much(void **state)
{
	(void)state;
	static const struct there all[] = {
	    {'a', 150}, {'b', 51}, {'c', 200}, {'d', 1}};
	struct prefetch *l = make(N);
	assert_int_equal(answer(l, all, 4, MOST / 4, FROM), PREFETCH_TOO_MUCH);
	assert_int_equal(prefetch_fits(l), 3);
	prefetch_free(&l);
	l = make(3);
	static const struct there first[] = {{'a', 150}, {'c', 200}};
	assert_int_equal(answer(l, first, 2, MOST / 2, FROM), PREFETCH_DONE);
	is_known(l, 0, 200);
	prefetch_free(&l);
}

/* It must be read, and so it is, alone. */
static void a_row_that_is_too_large(void **state)
{
	(void)state;
	static const struct there all[] = {{'a', 1}, {'c', MOST + 1}};
	struct prefetch *l = make(3);
	assert_int_equal(answer(l, all, 2, MOST / 2, FROM), PREFETCH_TOO_MUCH);
	assert_int_equal(prefetch_fits(l), 1);
	prefetch_free(&l);
	l = make(1);
	assert_int_equal(answer(l, all + 1, 1, MOST, FROM), PREFETCH_MORE);
	assert_int_equal(answer(l, all + 1, 1, INT64_MAX, FROM), PREFETCH_DONE);
	is_known(l, 0, MOST + 1);
	prefetch_free(&l);
}

static void moved(void **state)
{
	(void)state;
	static const struct there all[] = {{'a', 1}, {'c', MOST}};
	struct prefetch *l = make(3);
	assert_int_equal(answer(l, all, 2, MOST / 2, FROM + 1), PREFETCH_MOVED);
	prefetch_free(&l);
	/* Between the two questions. */
	static const struct there small[] = {{'a', 1}, {'c', MOST - 1}};
	l = make(3);
	assert_int_equal(answer(l, small, 2, MOST / 2, FROM), PREFETCH_MORE);
	assert_int_equal(
	    answer(l, small + 1, 1, INT64_MAX, FROM + 1), PREFETCH_MOVED);
	prefetch_free(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(nothing, begin, end),
	    cmocka_unit_test_setup_teardown(
		small_rows_are_one_question, begin, end),
	    cmocka_unit_test_setup_teardown(
		a_large_one_is_asked_for_again, begin, end),
	    cmocka_unit_test_setup_teardown(too_much, begin, end),
	    cmocka_unit_test_setup_teardown(
		a_row_that_is_too_large, begin, end),
	    cmocka_unit_test_setup_teardown(
		a_row_that_is_no_document, begin, end),
	    cmocka_unit_test_setup_teardown(moved, begin, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
