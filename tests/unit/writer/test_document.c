/* Faults, patches and increments of documents; no number loses a digit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "writer/document.h"

#include "tests/unit/declared.h"

#include <string.h>

static void faults(void **state)
{
	(void)state;
	static const struct {
		enum record_op op;
		const char *body, *fault;
	} table[] = {
	    {RECORD_PUT, "{\"count\":1}", ""},
	    {RECORD_PUT, "{\"count\":1,\"amount\":null,\"x\":[1]}", ""},
	    {RECORD_PUT, "{\"c\\u006funt\":1}", ""},
	    {RECORD_PUT, "{}", "count is required"},
	    {RECORD_PUT, "{\"count\":null}", "count is required, not null"},
	    {RECORD_PUT, "{\"count\":1.0}", ""},
	    {RECORD_PUT, "{\"count\":1.5}",
		"count must be an integer of 64 bits"},
	    {RECORD_PUT, "{\"count\":9223372036854775808}",
		"count must be an integer of 64 bits"},
	    {RECORD_PUT, "{\"count\":\"1\"}",
		"count must be an integer of 64 bits"},
	    {RECORD_PUT, "{\"count\":1,\"amount\":1e200000}",
		"amount has a number of more than 1000 digits before the "
		"point, or behind it"},
	    {RECORD_PATCH, "{}", ""},
	    {RECORD_PATCH, "{\"amount\":null}", ""},
	    {RECORD_PATCH, "{\"count\":null}", "count is required, not null"},
	    {RECORD_PATCH, "{\"amount\":{}}", "amount must be a number"},
	    {RECORD_INCREMENT, "{\"count\":-1,\"amount\":0.5}", ""},
	    {RECORD_INCREMENT, "{\"amount\":null}", "amount must be a number"},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		char fault[DOCUMENT_FAULT_LEN];
		struct jsonraw object;
		assert_true(jsonraw_scan(
		    table[i].body, strlen(table[i].body), &object));
		document_fault(
		    declared("counters"), table[i].op, object, fault);
		assert_string_equal(fault, table[i].fault);
	}
}

static struct jsonraw raw(const char *s)
{
	struct jsonraw v;
	assert_true(jsonraw_scan(s, strlen(s), &v));
	return v;
}

static void changes(void **state)
{
	(void)state;
	static const struct {
		enum record_op op;
		const char *before, *body, *after;
	} table[] = {
	    {RECORD_PATCH, "{\"count\":1,\"amount\":2}", "{\"amount\":null}",
		"{\"count\":1}"},
	    {RECORD_PATCH, "{\"count\":1}", "{\"amount\":1.50,\"key\":\"k\"}",
		"{\"count\":1,\"amount\":1.50}"},
	    {RECORD_PATCH, "{\"count\":1}", "{}", "{\"count\":1}"},
	    {RECORD_PATCH, "{\"key\":\"k\",\"count\":1,\"count\":2}",
		"{\"count\":3,\"count\":4}", "{\"count\":4}"},
	    {RECORD_INCREMENT, "{\"count\":9223372036854775806}",
		"{\"count\":1}", "{\"count\":9223372036854775807}"},
	    {RECORD_INCREMENT, "{\"count\":-9223372036854775808}",
		"{\"count\":-1}", NULL},
	    {RECORD_INCREMENT, "{\"count\":9223372036854775807}",
		"{\"amount\":1,\"count\":1}", NULL},
	    {RECORD_INCREMENT, "{\"count\":1,\"amount\":null}",
		"{\"amount\":0.10}", "{\"count\":1,\"amount\":0.10}"},
	    {RECORD_INCREMENT,
		"{\"count\":1,\"amount\":12345678901234567890.1}",
		"{\"amount\":0.00000000000000000001}",
		"{\"count\":1,\"amount\":"
		"12345678901234567890.10000000000000000001}"},
	};
	const struct collection *c = declared("counters");
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct arena arena = {0};
		struct document d;
		document_read(c, raw(table[i].before), &d);
		bool fits = true;
		if (table[i].op == RECORD_PATCH)
			document_patch(c, &d, raw(table[i].body), &arena);
		else
			fits = document_increment(
			    c, &d, raw(table[i].body), &arena);
		assert_int_equal(fits, table[i].after != NULL);
		const char *want = fits ? table[i].after : table[i].before;
		assert_string_equal(document_write(c, &d, &arena).s, want);
		arena_free(&arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(faults),
	    cmocka_unit_test(changes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
