/* Verbs: their names, and who grants them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/access/verb.h"

static void verbs_have_names_and_scopes(void **state)
{
	(void)state;
	enum verb v;
	assert_string_equal(verb_name(VERB_read), "read");
	assert_string_equal(verb_name(VERB_operate), "operate");
	assert_int_equal(verb_scope(VERB_delete), VERB_COLLECTION);
	assert_int_equal(verb_scope(VERB_purge), VERB_SERVICE);
	assert_true(verb_find("bulk", 4, &v));
	assert_int_equal(v, VERB_bulk);
	assert_false(verb_find("bul", 3, &v));
	assert_false(verb_find("bulks", 5, &v));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(verbs_have_names_and_scopes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
