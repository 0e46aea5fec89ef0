/* Cache-Control of a read (RFC 9111, 5.2.1). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/http/cache_control.h"

#include <stdbool.h>

static void directives(void **state)
{
	(void)state;
	static const struct {
		const char *header;
		bool no_cache, only_if_cached;
	} table[] = {
	    {"", false, false},
	    {"no-cache", true, false},
	    {"only-if-cached", false, true},
	    {"No-Cache", true, false},
	    {"ONLY-IF-CACHED", false, true},
	    {"no-cache, only-if-cached", true, true},
	    {"max-age=0,no-cache", true, false},
	    {" max-stale=5 ,\tonly-if-cached ", false, true},
	    {"no-cache=\"x\"", true, false},
	    /* not those */
	    {"no-store, max-age=0, no-transform", false, false},
	    {"no-cached", false, false},
	    {"x-no-cache", false, false},
	    {"no cache", false, false},
	    {"\"no-cache\"", false, false},
	    {"x=no-cache", false, false},
	    {"x=\"a, no-cache, b\"", false, false},
	    {"x=\"a\\\", no-cache\"", false, false},
	    {"x; no-cache", false, false},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct cache_control c = {0};
		cache_control_parse(table[i].header, &c);
		if (c.no_cache != table[i].no_cache ||
		    c.only_if_cached != table[i].only_if_cached)
			fail_msg("%s", table[i].header);
	}
}

/* What one line says, another does not take back. */
static void lines(void **state)
{
	(void)state;
	struct cache_control c = {0};
	cache_control_parse("no-cache", &c);
	cache_control_parse("only-if-cached", &c);
	assert_true(c.no_cache && c.only_if_cached);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(directives),
	    cmocka_unit_test(lines),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
