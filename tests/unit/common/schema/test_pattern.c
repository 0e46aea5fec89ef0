/* What a match costs is bounded, and what is counted is what it costs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/schema/pattern.h"

#include <string.h>
#include <time.h>

enum { LONGEST = 4096, LARGE = 1 << 20 };

static char as[LARGE + 1]; /* aaaa… */

static enum pattern_match match(
    const char *pattern, const char *subject, size_t len, size_t *work)
{
	char fault[PATTERN_FAULT_LEN];
	struct pattern *p = pattern_new(pattern, strlen(pattern), fault);
	assert_non_null(p);
	enum pattern_match found = pattern_counted(p, subject, len, work);
	pattern_free(&p);
	return found;
}

static enum pattern_match matches(const char *pattern, const char *subject)
{
	size_t work;
	return match(pattern, subject, strlen(subject), &work);
}

/* What people declare is far from the limit, on values of any length. */
static void plain_patterns(void **state)
{
	(void)state;
	static const char *const patterns[] = {"^[a-z]+$", "^a*$",
	    "^[a-z ]{1,}$", "^(?=.*[a-z])(?!.*[0-9]).{8,}$", "[a-z]",
	    "^(?:[a-z]+-?)+$", "^\\p{L}[\\p{L}\\p{N} .'-]*$", "a{8}", "^\\S+$"};
	for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
		size_t work;
		assert_int_equal(
		    match(patterns[i], as, LONGEST, &work), PATTERN_YES);
		assert_true(work < PATTERN_WORK_MOST / 3);
	}
	assert_int_equal(
	    matches("^[0-9a-f]{8}-[0-9a-f]{4}$", "01234567-89ab"), PATTERN_YES);
	assert_int_equal(matches("^[^@ ]+@[^@ ]+$", "a@b@c"), PATTERN_NO);
	assert_int_equal(matches("^(a|b)\\1$", "ab"), PATTERN_NO);
	assert_int_equal(matches("", ""), PATTERN_YES);
}

static clock_t spent(const char *pattern, const char *subject, size_t len)
{
	char fault[PATTERN_FAULT_LEN];
	clock_t least = 0;
	size_t work;
	struct pattern *p = pattern_new(pattern, strlen(pattern), fault);
	assert_non_null(p);
	for (int i = 0; i < 3; i++) {
		clock_t begin = clock();
		pattern_counted(p, subject, len, &work);
		clock_t took = clock() - begin;
		least = i == 0 || took < least ? took : least;
	}
	pattern_free(&p);
	return least;
}

/* None costs more than the amount that is allowed, and that amount takes about
 * as long whatever it is spent on. */
static void evil_patterns(void **state)
{
	(void)state;
	static const char *const patterns[] = {"^(a+)+$", "[a-z]+[0-9]$",
	    "(?:a|aa)+$", "a*a*a*a*b?$", "(.*)(.*)(.*)[0-9]",
	    "[a-z]{4000}[0-9]", "[a-z]{2000,}?[0-9]", "(a+)b?\\1[0-9]",
	    "a(?=[a-z]*[0-9])", "(?<=a{9})[a-z]*[0-9]",
	    "^(([a-z])+.)+[A-Z]([a-z])+$"};
	as[LARGE - 1] = as[LONGEST - 1] = '!';
	clock_t steps = spent("^(a+)+$", as, LONGEST);
	for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
		static const size_t lengths[] = {LONGEST, LARGE};
		for (size_t k = 0; k < 2; k++) {
			size_t work;
			enum pattern_match found =
			    match(patterns[i], as, lengths[k], &work);
			clock_t took = spent(patterns[i], as, lengths[k]);
			print_message("%s %zu: %zu of work, %ld us\n",
			    patterns[i], lengths[k], work, (long)took);
			assert_true(lengths[k] == LONGEST ||
				    found == PATTERN_TOO_COMPLEX);
			assert_true(work < PATTERN_WORK_MOST + LARGE / 8);
			assert_true(took < 12 * steps + CLOCKS_PER_SEC / 500);
		}
	}
	as[LARGE - 1] = as[LONGEST - 1] = 'a';
}

int main(void)
{
	memset(as, 'a', LARGE);
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(plain_patterns),
	    cmocka_unit_test(evil_patterns),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
