/* What is refused when it is read, and which keys are text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "writer/decide/write.h"

#include "tests/unit/declared.h"

#include <string.h>

static void text(void **state)
{
	(void)state;
	assert_true(write_is_text("k\xc3\xa4", 3));
	assert_false(write_is_text("a\0b", 3));
	assert_false(write_is_text("\xc3", 1));
}

static void refusing_keeps_the_last_detail(void **state)
{
	(void)state;
	struct write w = {0};
	write_refuse(&w, REASON_DATA, "first");
	write_refuse(&w, REASON_CONSTRAINT, "second");
	assert_int_equal(w.refused, REASON_CONSTRAINT);
	assert_string_equal(w.detail, "second");
	write_refuse(&w, REASON_CONSTRAINT, "");
	assert_null(w.detail);
	write_clear(&w);
	assert_int_equal(w.refused, REASON_NONE);
}

int main(void)
{
	declared("records");
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(text),
	    cmocka_unit_test(refusing_keeps_the_last_detail),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
