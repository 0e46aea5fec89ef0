/* Remembered credentials: bounded, of the newest use, and gone at their end or
 * when the keys change. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/access/token_cache.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROOM = 1 << 20 };

static void put(struct token_cache *c, uint64_t generation, const char *text,
    const char *subject, int64_t expires)
{
	struct principal *p = principal_new(PRINCIPAL_JWT, 1, expires);
	principal_claim(p, 0, subject, strlen(subject));
	token_cache_put(c, generation, text, strlen(text), p);
	principal_unref(&p);
}

/* The subject; NULL: it is not there. */
static const char *got(
    struct token_cache *c, uint64_t generation, const char *text, int64_t now)
{
	struct principal *p =
	    token_cache_get(c, generation, text, strlen(text), now);
	return p ? principal_subject(p) : NULL;
}

static void finds_what_was_put(void **state)
{
	(void)state;
	struct token_cache *c = token_cache_new(4, ROOM);
	assert_null(got(c, 1, "a", 0));
	put(c, 1, "a", "ada", 100);
	put(c, 1, "b", "bob", 100);
	put(c, 1, "", "nobody", 100);
	assert_string_equal(got(c, 1, "a", 0), "ada");
	assert_string_equal(got(c, 1, "b", 0), "bob");
	assert_string_equal(got(c, 1, "", 0), "nobody");
	assert_null(got(c, 1, "ab", 0));
	assert_null(got(c, 1, "A", 0));
	assert_int_equal(token_cache_entries(c), 3);
	token_cache_free(&c);
	assert_null(c);
	token_cache_free(&c);
}

static void ends_with_its_principal(void **state)
{
	(void)state;
	struct token_cache *c = token_cache_new(4, ROOM);
	put(c, 1, "a", "ada", 100);
	put(c, 1, "b", "bob", INT64_MAX);
	assert_string_equal(got(c, 1, "a", 99), "ada");
	assert_null(got(c, 1, "a", 100));
	assert_int_equal(token_cache_entries(c), 1);
	assert_null(got(c, 1, "a", 0)); /* it has gone, not slept */
	assert_string_equal(got(c, 1, "b", INT64_MAX - 1), "bob");
	token_cache_free(&c);
}

static void ends_when_the_keys_change(void **state)
{
	(void)state;
	struct token_cache *c = token_cache_new(4, ROOM);
	put(c, 1, "a", "ada", 100);
	assert_null(got(c, 2, "a", 0));
	assert_int_equal(token_cache_entries(c), 0);
	assert_int_equal(token_cache_bytes(c), 0);
	put(c, 2, "a", "ann", 100);
	assert_string_equal(got(c, 2, "a", 0), "ann");
	/* What was verified with other keys does not stay beside it. */
	put(c, 3, "b", "bob", 100);
	assert_null(got(c, 3, "a", 0));
	assert_string_equal(got(c, 3, "b", 0), "bob");
	token_cache_free(&c);
}

static void keeps_what_is_used(void **state)
{
	(void)state;
	struct token_cache *c = token_cache_new(3, ROOM);
	put(c, 1, "a", "ada", 100);
	put(c, 1, "b", "bob", 100);
	put(c, 1, "c", "cyd", 100);
	assert_non_null(got(c, 1, "a", 0));
	put(c, 1, "d", "dan", 100); /* for b */
	assert_null(got(c, 1, "b", 0));
	assert_non_null(got(c, 1, "c", 0));
	put(c, 1, "e", "eve", 100); /* for a */
	assert_null(got(c, 1, "a", 0));
	assert_non_null(got(c, 1, "c", 0));
	assert_non_null(got(c, 1, "d", 0));
	assert_non_null(got(c, 1, "e", 0));
	assert_int_equal(token_cache_entries(c), 3);
	token_cache_free(&c);
}

static void is_bounded_in_bytes(void **state)
{
	(void)state;
	struct token_cache *c = token_cache_new(1000, 16384);
	char text[4096];
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	for (int i = 0; i < 1000; i++) {
		snprintf(text, 8, "%07d", i);
		text[7] = 'x';
		put(c, 1, text, "ada", 100);
		assert_true(token_cache_bytes(c) <= 16384);
		assert_non_null(got(c, 1, text, 0));
	}
	assert_true(token_cache_entries(c) >= 3);
	/* What does not fit at all is not kept, and drives nothing out. */
	size_t entries = token_cache_entries(c);
	char *large = malloc(20000);
	memset(large, 'y', 19999);
	large[19999] = '\0';
	put(c, 1, large, "ada", 100);
	assert_null(got(c, 1, large, 0));
	assert_int_equal(token_cache_entries(c), entries);
	free(large);
	token_cache_free(&c);
}

/* A principal that is in use outlives its entry. */
static void shares_principals(void **state)
{
	(void)state;
	struct token_cache *c = token_cache_new(1, ROOM);
	put(c, 1, "a", "ada", 100);
	struct principal *p = principal_ref(token_cache_get(c, 1, "a", 1, 0));
	put(c, 1, "b", "bob", 100);
	token_cache_free(&c);
	assert_string_equal(principal_subject(p), "ada");
	principal_unref(&p);
}

/* Against a list that is searched from its end. */
static void is_like_a_list(void **state)
{
	(void)state;
	struct token_cache *c = token_cache_new(8, ROOM);
	int kept[8], n = 0;
	uint64_t random = 88172645463325252;
	for (int step = 0; step < 20000; step++) {
		char text[16];
		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		int which = (int)(random % 24), at = -1;
		snprintf(text, sizeof text, "t%d", which);
		for (int i = 0; i < n; i++)
			at = kept[i] == which ? i : at;
		assert_int_equal(got(c, 1, text, 0) != NULL, at >= 0);
		if (at < 0) {
			put(c, 1, text, text, 100);
			at = n < 8 ? n++ : 0;
		}
		memmove(kept + at, kept + at + 1,
		    (size_t)(n - 1 - at) * sizeof *kept);
		kept[n - 1] = which;
		assert_int_equal(token_cache_entries(c), n);
	}
	token_cache_free(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(finds_what_was_put),
	    cmocka_unit_test(ends_with_its_principal),
	    cmocka_unit_test(ends_when_the_keys_change),
	    cmocka_unit_test(keeps_what_is_used),
	    cmocka_unit_test(is_bounded_in_bytes),
	    cmocka_unit_test(shares_principals),
	    cmocka_unit_test(is_like_a_list),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
