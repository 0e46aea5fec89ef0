/* Accept: NDJSON only for who names it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/http/accept.h"

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
	    {"application/x-ndjson;q=0.5, */*", false},
	    {"application/x-ndjson, */*", true},
	    {"application/x-ndjson;q=0.5, application/*;q=0.4", true},
	    {"application/x-ndjson;q=", true},
	    {"application/x-ndjson;", true},
	    {",,;,application/x-ndjson,,", true},
	};
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		if (accept_ndjson(table[i].header) != table[i].ndjson)
			fail_msg("%s", table[i].header);
	}
}

/* The most specific range counts, wherever it stands. */
static void allowed(void **state)
{
	(void)state;
	static const struct {
		const char *header, *type;
		bool allows;
	} table[] = {
	    {NULL, "application/json", true},
	    {"", "application/json", true},
	    {" , ,", "application/json", true},
	    {"*/*", "text/html", true},
	    {"*/*;q=0.1", "text/html", true},
	    {"*/*;q=0", "text/html", false},
	    {"text/csv", "application/json", false},
	    {"text/*", "text/html", true},
	    {"text/*", "application/json", false},
	    {"application/*", "application/json", true},
	    {"APPLICATION/JSON", "application/json", true},
	    {"application/json; charset=utf-8", "application/json", true},
	    {"application/json;q=0", "application/json", false},
	    {"application/json;q=0, */*", "application/json", false},
	    {"*/*, application/json;q=0", "application/json", false},
	    {"application/*;q=0, */*", "application/json", false},
	    {"application/*;q=0, application/json", "application/json", true},
	    {"text/csv, */*;q=0.1", "application/json", true},
	    {"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
		"application/json", true},
	    {"text/event-stream", "text/event-stream", true},
	    {"text/event-stream", "application/json", false},
	    {"json", "application/json", false},
	    {"application", "application/json", false},
	    {"*", "application/json", false},
	};
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		if (accept_allows(table[i].header, table[i].type) !=
		    table[i].allows)
			fail_msg("%s: %s", table[i].header, table[i].type);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(both), cmocka_unit_test(allowed)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
