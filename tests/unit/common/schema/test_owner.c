/* Whose a document is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/schema/declare.h"
#include "common/schema/owner.h"

#include <string.h>

static void whose_it_is(void **state)
{
	static const char text[] =
	    "{\"name\":\"c\",\"key\":{\"type\":\"string\"},"
	    "\"fields\":{\"who\":{\"type\":\"string\",\"nullable\":true}},"
	    "\"access\":{\"customer\":[\"read\"]},"
	    "\"owner\":{\"field\":\"who\",\"for\":[\"customer\"]}}";
	static const struct {
		const char *doc, *owner;
		bool has;
	} cases[] = {
	    {"{\"key\":\"k\",\"who\":\"ada\",\"version\":1}", "ada", true},
	    {"{\"who\":\"a\\u0064a\"}", "ada", true},
	    {"{\"who\":\"ada\"}", "ad", false},
	    {"{\"who\":\"ada\"}", "adam", false},
	    {"{\"who\":\"ada\"}", "", false},
	    {"{\"who\":\"\"}", "", true},
	    {"{\"who\":null}", "null", false},
	    {"{\"key\":\"who\"}", "ada", false},
	    {"{}", "", false},
	};
	struct declare_fault fault;
	(void)state;
	struct declaration *d = declare(text, strlen(text), "c", &fault);
	assert_non_null(d);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_int_equal(owner_has(declaration_collection(d),
				     cases[i].doc, strlen(cases[i].doc),
				     cases[i].owner, strlen(cases[i].owner)),
		    cases[i].has);
	declaration_free(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(whose_it_is),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
