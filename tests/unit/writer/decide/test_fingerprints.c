/* Shapes that were migrated: ours, older and newer ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/declared.h"
#include "writer/decide/fingerprints.h"

#include <arpa/inet.h>
#include <inttypes.h>

enum { COLUMNS = 3 };

static PGresult *rows;

static int begin(void **state)
{
	(void)state;
	char name[] = "n";
	PGresAttDesc columns[COLUMNS] = {{.name = NULL}};
	for (int i = 0; i < COLUMNS; i++)
		columns[i] = (PGresAttDesc){.name = name, .format = 1};
	rows = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
	return !PQsetResultAttrs(rows, COLUMNS, columns);
}

static int end(void **state)
{
	(void)state;
	PQclear(rows);
	return 0;
}

static void put(int row, int column, const void *s, size_t len)
{
	char copy[64];
	memcpy(copy, s, len);
	assert_true(PQsetvalue(rows, row, column, copy, (int)len));
}

static void add(const char *name, uint64_t shape, int32_t generation)
{
	char hex[17];
	int row = PQntuples(rows);
	uint32_t be = htonl((uint32_t)generation);
	snprintf(hex, sizeof hex, "%016" PRIx64, shape);
	put(row, 0, name, strlen(name));
	put(row, 1, hex, 16);
	put(row, 2, &be, sizeof be);
}

/* As migrated; `but` NULL: all of them. */
static void add_ours(int32_t generation, const struct collection *but)
{
	const struct collection *c;
	declared("records"); /* reads them */
	for (size_t i = 0; (c = collection_at(i)) != NULL; i++) {
		if (c != but)
			add(c->name, c->shape, generation);
	}
}

static void ours_and_older_ones_are_known(void **state)
{
	(void)state;
	const struct collection *c = declared("posts");
	const struct collection *other = declared("products");
	add("posts", 11, 1);
	add("posts", UINT64_MAX, 2);
	add_ours(3, NULL);
	add("posts", 44, 4);
	add("products", 55, 3);
	struct fingerprints *f = fingerprints_read(rows);
	assert_null(fingerprints_missing(f));
	assert_true(fingerprints_known(f, c, c->shape));
	assert_true(fingerprints_known(f, c, 11));
	assert_true(fingerprints_known(f, c, UINT64_MAX));
	assert_true(fingerprints_known(f, other, 55)); /* as old as ours */
	/* Newer than ours, another's, nobody's. */
	assert_false(fingerprints_known(f, c, 44));
	assert_false(fingerprints_known(f, other, 11));
	assert_false(fingerprints_known(f, c, 12));
	/* 0: not said. */
	assert_true(fingerprints_known(f, c, 0));
	fingerprints_free(&f);
	assert_null(f);
	fingerprints_free(&f);
}

static void ours_must_be_migrated(void **state)
{
	(void)state;
	const struct collection *c = declared("posts");
	add_ours(1, c);
	add("posts", c->shape + 1, 1);
	add("products", c->shape, 1);
	struct fingerprints *f = fingerprints_read(rows);
	assert_ptr_equal(fingerprints_missing(f), c);
	/* Its table is not made for it. */
	assert_false(fingerprints_has(f, c));
	assert_false(fingerprints_known(f, c, c->shape));
	assert_false(fingerprints_known(f, c, c->shape + 1));
	assert_false(fingerprints_known(f, c, 0));
	assert_true(fingerprints_has(f, declared("records")));
	fingerprints_free(&f);
}

static void others_collections_are_ignored(void **state)
{
	(void)state;
	add("of_another_deployment", 1, 9);
	add_ours(1, NULL);
	add("", 1, 9);
	struct fingerprints *f = fingerprints_read(rows);
	assert_null(fingerprints_missing(f));
	assert_false(fingerprints_known(f, declared("posts"), 1));
	fingerprints_free(&f);
}

static void an_empty_table_has_none(void **state)
{
	(void)state;
	declared("records");
	struct fingerprints *f = fingerprints_read(rows);
	assert_ptr_equal(fingerprints_missing(f), collection_at(0));
	fingerprints_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		ours_and_older_ones_are_known, begin, end),
	    cmocka_unit_test_setup_teardown(ours_must_be_migrated, begin, end),
	    cmocka_unit_test_setup_teardown(
		others_collections_are_ignored, begin, end),
	    cmocka_unit_test_setup_teardown(
		an_empty_table_has_none, begin, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
