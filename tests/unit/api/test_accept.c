/* Accept: NDJSON only for who names it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/accept.h"

static void both(void **state)
{
	(void)state;
	static const struct {
		const char *header;
		bool ndjson;
	} table[] = {
	    {NULL, false},
	    {"", false},
	    {"*/*", false},
	    {"application/*", false},
	    {"application/json", false},
	    {"application/x-ndjson", true},
	    {"Application/X-NDJSON", true},
	    {"application/x-ndjsonx", false},
	    {"application/x-ndjson;q=0", false},
	    {"application/x-ndjson;q=0.000", false},
	    {"application/x-ndjson; q=0.1", true},
	    {"application/x-ndjson;charset=utf-8;q=0.1", true},
	    {"text/html, application/x-ndjson", true},
	    {"application/json, application/x-ndjson", true},
	    {"application/json, application/x-ndjson;q=0.9", false},
	    {"application/json;q=0.5,application/x-ndjson;q=0.50", true},
	    {"application/json;q=0.51,application/x-ndjson;q=0.5", false},
	    {"application/json;q=1.0,application/x-ndjson;q=1", true},
	    {"application/x-ndjson;q=", true},
	    {"application/x-ndjson;", true},
	    {",,;,application/x-ndjson,,", true},
	};
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		if (accept_ndjson(table[i].header) != table[i].ndjson)
			fail_msg("%s", table[i].header);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(both)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
