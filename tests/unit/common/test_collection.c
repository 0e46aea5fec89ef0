/* The declared collections: found by name, fit for SQL and for routes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/collection.h"

#include <string.h>

static void found(void **state)
{
	(void)state;
	const struct collection *c = collection_find("records", 7);
	assert_non_null(c);
	assert_string_equal(c->name, "records");
	assert_int_equal(c->nfields, 1);
	assert_string_equal(c->fields[0].name, "value");
	assert_true(c->fields[0].required);
	assert_int_equal(c->fields[0].type, FIELD_STRING);
	assert_false(c->refresh); /* the seed deletes on commit */
	assert_ptr_equal(collection_find("records/x", 7), c);
	static const char *const none[] = {
	    "", "record", "recordsx", "Records", "_mark"};
	for (size_t i = 0; i < sizeof none / sizeof *none; i++)
		assert_null(collection_find(none[i], strlen(none[i])));
	assert_null(collection_find("records\0", 8));
}

static void fit_for_sql(const char *name)
{
	assert_true(name[0] >= 'a' && name[0] <= 'z');
	assert_true(strlen(name) < 64);
	assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_"),
	    strlen(name));
}

/* common/sql.c quotes names without escaping them and adds columns of its
 * own; the parameters of its upsert begin with `_`. */
static void every_declaration(void **state)
{
	(void)state;
	static const char *const taken[] = {
	    "key", "created_at", "updated_at", "version"};
	size_t n = 0;
	const struct collection *c;
	for (; (c = collection_at(n)); n++) {
		fit_for_sql(c->name);
		assert_ptr_equal(collection_find(c->name, strlen(c->name)), c);
		assert_true(c->nfields > 0);
		for (size_t i = 0; i < c->nfields; i++) {
			const char *name = c->fields[i].name;
			fit_for_sql(name);
			for (size_t k = 0; k < 4; k++)
				assert_string_not_equal(name, taken[k]);
			for (size_t k = 0; k < i; k++)
				assert_string_not_equal(
				    name, c->fields[k].name);
		}
	}
	assert_true(n >= 1);
	assert_null(collection_at(n + 1));
	assert_null(collection_at(SIZE_MAX));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(found),
	    cmocka_unit_test(every_declaration),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
