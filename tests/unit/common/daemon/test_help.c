#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/daemon/help.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct settings {
	struct common_settings common;
	char *colour, *hue;
};

static const struct setting rows[] = {
    {SETTING_STRING, offsetof(struct settings, colour), "own.colour", "red", "",
	"", "Which colour it has, in words."},
    {SETTING_STRING, offsetof(struct settings, hue), "admin.hue", "", "", "",
	"A setting of a group that stands above."},
};

/* Standard output of a function, as a string; owned. */
static FILE *saved;
static char *text;
static size_t len;

static void begin(void)
{
	saved = stdout;
	stdout = open_memstream(&text, &len);
	assert_non_null(stdout);
}

static char *end(void)
{
	fclose(stdout);
	stdout = saved;
	return text;
}

static void wraps(
    const char *words, size_t indent, size_t width, const char *want)
{
	begin();
	help_wrap(words, indent, width);
	char *got = end();
	assert_string_equal(got, want);
	free(got);
}

static void lines(void **state)
{
	(void)state;
	wraps("one two three", 0, 7, "one two\nthree\n");
	wraps("one two three", 2, 9, "  one two\n  three\n");
	wraps("one  two", 0, 80, "one two\n");
	wraps("a verylongword b", 0, 4, "a\nverylongword\nb\n");
	wraps("", 4, 80, "\n");
}

static void all_of_it(void **state)
{
	(void)state;
	struct settings s = {0};
	struct config c;
	bool flag;
	config_init(&c, &s, rows, 2);
	const struct daemon_flag flags[] = {
	    {"migrate", &flag, "Makes tables."}};
	const struct daemon_spec spec = {.name = "sluice-test",
	    .purpose = "for tests",
	    .config = &c,
	    .flags = flags,
	    .nflags = 1};
	begin();
	help_print(&spec);
	char *got = end();
	assert_non_null(strstr(got, "usage: sluice-test "));
	assert_non_null(strstr(got, "\n  --migrate\n      Makes tables.\n"));
	assert_non_null(strstr(got, "\n  --probe[=readyz|livez]\n"));
	assert_non_null(strstr(got,
	    "\nown:\n  --own.colour=red\n      Which colour it has, in "
	    "words.\n"));
	assert_null(strstr(got, "limit.ROLE"));
	/* A group is there once, with all of its settings. */
	const char *group = strstr(got, "\nadmin:\n");
	assert_non_null(group);
	assert_null(strstr(group + 1, "\nadmin:\n"));
	assert_true(strstr(group, "--admin.hue=") < strstr(got, "\nown:\n"));
	for (const char *line = got; *line; line += strcspn(line, "\n") + 1)
		assert_true(strcspn(line, "\n") <= 80 ||
			    line[2] == '-'); /* a name with a long default */
	free(got);
	config_free(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(lines),
	    cmocka_unit_test(all_of_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
