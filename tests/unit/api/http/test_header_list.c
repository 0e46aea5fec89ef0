/* Lists of `name[=value]` in header fields. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/http/header_list.h"

#include <stdio.h>
#include <string.h>

enum { MOST = 4 };

static void items(void **state)
{
	(void)state;
	static const struct {
		const char *header;
		const char *items[MOST]; /* name, or name=value */
	} table[] = {
	    {"", {0}},
	    {"a", {"a"}},
	    {"a,b", {"a", "b"}},
	    {" a ,\tb ", {"a", "b"}},
	    {",,a,,", {"a"}},
	    {"a=1, b", {"a=1", "b"}},
	    {"a = 1", {"a=1"}},
	    {"a=\"1, b\", c", {"a=1, b", "c"}},
	    {"a=\"x\\\"y, b\", c", {"a=x\\", "c"}},
	    {"a;p=q, b", {"a", "b"}},
	    {"a; p=\"b, c\", d", {"a", "d"}},
	    {"\"a\", b", {"b"}}, /* no token */
	    {"a=\"b", {"a=b"}},	 /* without an end */
	    {"a=", {"a"}},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		const char *at = table[i].header;
		struct header_list_item item;
		size_t n = 0;
		while (header_list_next(&at, &item)) {
			if (item.name.len == 0)
				continue;
			char got[64];
			snprintf(got, sizeof got, "%.*s%s%.*s",
			    (int)item.name.len, item.name.s,
			    item.value.len ? "=" : "", (int)item.value.len,
			    item.value.s);
			assert_true(n < MOST);
			assert_non_null(table[i].items[n]);
			assert_string_equal(got, table[i].items[n]);
			n++;
		}
		assert_true(n == MOST || table[i].items[n] == NULL);
	}
}

static void names(void **state)
{
	(void)state;
	struct header_list_word w = {"No-Cache, x", 8};
	assert_true(header_list_is(w, "no-cache"));
	assert_false(header_list_is(w, "no-cach"));
	assert_false(header_list_is(w, "no-cache, x"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(items),
	    cmocka_unit_test(names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
