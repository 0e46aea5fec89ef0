/* What an error keeps of its texts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/err.h"

#include <string.h>

static void keeps_its_texts(void **state)
{
	(void)state;
	struct err e = err_make(ERR_KIND_RETRY, "08006", "%s: %d", "away", 7);
	assert_int_equal(e.kind, ERR_KIND_RETRY);
	assert_string_equal(e.code, "08006");
	assert_string_equal(e.msg, "away: 7");
	e = err_make(ERR_KIND_FATAL, NULL, "no code");
	assert_string_equal(e.code, "");
	assert_string_equal(e.msg, "no code");
}

static void long_texts_are_cut(void **state)
{
	(void)state;
	char text[1000];
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	struct err e = err_make(ERR_KIND_REJECT, text, "%s", text);
	assert_int_equal(strlen(e.code), sizeof e.code - 1);
	assert_int_equal(strlen(e.msg), sizeof e.msg - 1);
	assert_int_equal(e.kind, ERR_KIND_REJECT);
}

static void kinds_have_names(void **state)
{
	(void)state;
	assert_int_equal(ERR_OK.kind, ERR_KIND_OK);
	assert_string_equal(err_kind_name(ERR_KIND_OK), "ok");
	assert_string_equal(err_kind_name(ERR_KIND_RETRY), "retry");
	assert_string_equal(err_kind_name(ERR_KIND_REJECT), "reject");
	assert_string_equal(err_kind_name(ERR_KIND_FENCED), "fenced");
	assert_string_equal(err_kind_name(ERR_KIND_FATAL), "fatal");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(keeps_its_texts),
	    cmocka_unit_test(long_texts_are_cut),
	    cmocka_unit_test(kinds_have_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
