/* Preconditions: what the log gets of If-Match and If-None-Match. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/http/precondition.h"

static void by_table(void **state)
{
	(void)state;
	static const struct {
		const char *match, *none_match;
		enum precondition_kind kind;
		const char *versions;
	} table[] = {
	    {NULL, NULL, PRECONDITION_NONE, ""},
	    {"*", NULL, PRECONDITION_MATCH, "*"},
	    {" *", NULL, PRECONDITION_MATCH, "*"},
	    {"\"1042\"", NULL, PRECONDITION_MATCH, "1042"},
	    {"\"1\", \"2\",\"3\"", NULL, PRECONDITION_MATCH, "1,2,3"},
	    /* Strong comparison: a weak tag matches nothing. */
	    {"W/\"1\", \"2\"", NULL, PRECONDITION_MATCH, "2"},
	    {"W/\"1\"", NULL, PRECONDITION_MATCH, ""},
	    /* Somebody else's tags match nothing, whatever they hold. */
	    {"\"abc\", \"1,2\", \"*\", \"007\"", NULL, PRECONDITION_MATCH, ""},
	    {"1042", NULL, PRECONDITION_BAD, ""},
	    {"\"1", NULL, PRECONDITION_BAD, ""},
	    {"\"1\"\"2\"", NULL, PRECONDITION_BAD, NULL},
	    {"*, \"1\"", NULL, PRECONDITION_BAD, NULL},
	    {NULL, "*", PRECONDITION_ABSENT, ""},
	    {NULL, "\"1\"", PRECONDITION_BAD, ""},
	    {"*", "*", PRECONDITION_BAD, ""},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct buf b = {0};
		enum precondition_kind kind =
		    precondition_parse(table[i].match, table[i].none_match, &b);
		assert_int_equal(kind, table[i].kind);
		if (table[i].versions)
			assert_string_equal(
			    b.data ? b.data : "", table[i].versions);
		buf_free(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(by_table),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
