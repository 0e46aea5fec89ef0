/* Fields of a line: what log_event would write, and where they are cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/log/log_fields.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void numbers(void **state)
{
	(void)state;
	static const int64_t all[] = {
	    0, 1, -1, 9, 10, 1234567, INT64_MAX, INT64_MIN, -100};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		char room[LOG_FIELDS_MAX];
		struct log_fields f = log_fields_begin(room);
		char want[64];
		log_fields_number(&f, "n=", all[i]);
		snprintf(want, sizeof want, "n=%" PRId64, all[i]);
		assert_int_equal((size_t)(f.at - room), strlen(want));
		assert_memory_equal(room, want, (size_t)(f.at - room));
	}
}

static void quoted_as_in_other_lines(void **state)
{
	(void)state;
	char longest[400];
	memset(longest, 'x', sizeof longest - 1);
	longest[sizeof longest - 1] = '\0';
	const char *const all[] = {"", "a", "/v1/records/a b", "a\"b\\",
	    "\tab\n", "end \x01 ", "\xc3\xa4", " ", "\\", longest};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		char room[LOG_FIELDS_MAX];
		struct log_fields f = log_fields_begin(room);
		log_fields_quoted(&f, "", all[i]);
		const char *want = log_quote(all[i]);
		assert_int_equal((size_t)(f.at - room), strlen(want));
		assert_memory_equal(room, want, (size_t)(f.at - room));
	}
}

static void cut_at_the_end(void **state)
{
	(void)state;
	char room[LOG_FIELDS_MAX];
	struct log_fields f = log_fields_begin(room);
	for (int i = 0; i < 1000; i++) {
		log_fields_text(&f, " text=", "some text");
		log_fields_number(&f, " n=", 123);
		log_fields_quoted(&f, " q=", "a \" quote");
		assert_true((size_t)(f.at - room) <= LOG_FIELDS_MAX);
	}
	assert_int_equal((size_t)(f.at - room), LOG_FIELDS_MAX);
	assert_memory_equal(room, " text=some text n=123 q=\"a \\\" quote\"",
	    strlen(" text=some text n=123 q=\"a \\\" quote\""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(numbers),
	    cmocka_unit_test(quoted_as_in_other_lines),
	    cmocka_unit_test(cut_at_the_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
