/* Accept: another type than the default only for who names it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/http/accept.h"

static void chosen(void **state)
{
	(void)state;
	enum { JSON, CSV, LINES };
	static const char *const types[] = {
	    "application/json", "text/csv", "application/x-ndjson"};
	static const struct {
		const char *header;
		size_t type;
	} table[] = {
	    {NULL, JSON}, {"", JSON}, {" , ,", JSON}, {"*/*", JSON},
	    {"application/*", JSON}, {"application/json", JSON},
	    {"application/x-ndjson", LINES}, {"Application/X-NDJSON", LINES},
	    {"application/x-ndjsonx", JSON}, {"application/x-ndjson;q=0", JSON},
	    {"application/x-ndjson;q=0.000", JSON},
	    {"application/x-ndjson; q=0.1", LINES},
	    {"application/x-ndjson;charset=utf-8;q=0.1", LINES},
	    {"text/html, application/x-ndjson", LINES},
	    {"application/json, application/x-ndjson", LINES},
	    {"application/json, application/x-ndjson;q=0.9", JSON},
	    {"application/json;q=0.5,application/x-ndjson;q=0.50", LINES},
	    {"application/json;q=0.51,application/x-ndjson;q=0.5", JSON},
	    {"application/json;q=1.0,application/x-ndjson;q=1", LINES},
	    {"application/x-ndjson;q=0.5, */*", JSON},
	    {"application/x-ndjson, */*", LINES},
	    {"application/x-ndjson;q=0.5, application/*;q=0.4", LINES},
	    {"application/x-ndjson;q=", LINES},
	    {"application/x-ndjson;", LINES},
	    {",,;,application/x-ndjson,,", LINES}, {"text/csv", CSV},
	    {"text/csv;q=0.1", CSV}, {"text/csv, application/x-ndjson", CSV},
	    {"application/x-ndjson, text/csv;q=0.999", LINES},
	    {"text/csv;q=0.5, application/x-ndjson;q=0.6, */*;q=0.1", LINES},
	    {"text/csv;q=0.5, application/x-ndjson;q=0.6, */*;q=0.7", JSON},
	    {"text/csv, text/html", CSV}, {"text/*", CSV},
	    {"text/*, application/json", JSON},
	    {"text/*;q=0.5, application/json;q=0.1", JSON},
	    {"application/json;q=0, */*", CSV},
	    {"application/json;q=0, text/csv;q=0, */*", LINES},
	    {"application/json;q=0, application/*;q=0.9, */*;q=0.1", LINES},
	    {"text/html", JSON}, /* none: it is refused elsewhere */
	};
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		if (accept_choose(table[i].header, types, 3) != table[i].type)
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

static void codes(void **state)
{
	(void)state;
	static const struct {
		const char *header;
		bool takes;
	} table[] = {
	    {NULL, false},
	    {"", false},
	    {"identity", false},
	    {"gzip", true},
	    {"GZip", true},
	    {"br, gzip", true},
	    {"deflate, gzip;q=0.1", true},
	    {"gzip;q=0", false},
	    {"gzip;q=0.000, *", false},
	    {"*", true},
	    {"br, *;q=0.5", true},
	    {"*;q=0", false},
	    {"gzip, *;q=0", true},
	    {"gzipped", false},
	    {"x-gzip", false},
	};
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		if (accept_codes(table[i].header, "gzip") != table[i].takes)
			fail_msg("%s", table[i].header);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(chosen),
	    cmocka_unit_test(allowed), cmocka_unit_test(codes)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
