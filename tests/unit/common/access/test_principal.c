/* Principals: what they have, and how they are shared. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/access/principal.h"

static void a_principal_is_shared(void **state)
{
	(void)state;
	struct principal *p = principal_new(PRINCIPAL_JWT, 5, 1000);
	assert_string_equal(principal_subject(p), "");
	principal_claim(p, 0, "ada lovelace", 3);
	assert_string_equal(principal_subject(p), "ada");
	assert_null(p->claims[1]);
	struct principal *other = principal_ref(p);
	principal_unref(&p);
	assert_null(p);
	assert_string_equal(principal_subject(other), "ada");
	assert_string_equal(principal_kind_name(other->kind), "jwt");
	assert_null(other->key);
	principal_name_key(other, "first");
	principal_name_key(other, "second");
	assert_string_equal(other->key, "second");
	principal_unref(&other);
	principal_unref(&other); /* NULL is none */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_principal_is_shared),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
