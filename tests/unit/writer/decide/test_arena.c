/* Copies stay where they are, and as they are, until the end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "writer/decide/arena.h"

#include <stdio.h>
#include <string.h>

enum { COPIES = 3000, BLOCK = 16384 };

static void copies_stay(void **state)
{
	(void)state;
	struct arena a = {0};
	static struct jsonslice kept[COPIES];
	char text[32];
	size_t bytes = 0;
	for (int i = 0; i < COPIES; i++) {
		int len = snprintf(text, sizeof text, "copy %d", i);
		kept[i] = arena_keep(&a, text, (size_t)len);
		bytes += (size_t)len;
		assert_int_equal(a.bytes, bytes);
	}
	for (int i = 0; i < COPIES; i++) {
		snprintf(text, sizeof text, "copy %d", i);
		assert_string_equal(kept[i].s, text);
		assert_int_equal(kept[i].len, strlen(text));
	}
	arena_free(&a);
	assert_null(a.blocks);
	assert_int_equal(a.bytes, 0);
	arena_free(&a);
}

/* One byte less and more than fit into a block, with the NUL. */
static void of_any_size(void **state)
{
	(void)state;
	static char text[3 * BLOCK];
	memset(text, 'x', sizeof text);
	for (size_t len = BLOCK - 3; len < BLOCK + 3; len++) {
		struct arena a = {0};
		struct jsonslice small = arena_keep(&a, "s", 1);
		struct jsonslice v = arena_keep(&a, text, len);
		struct jsonslice next = arena_keep(&a, text, 2 * BLOCK);
		assert_int_equal(strlen(v.s), len);
		assert_int_equal(strlen(next.s), 2 * BLOCK);
		assert_string_equal(small.s, "s");
		assert_int_equal(a.bytes, 1 + len + 2 * BLOCK);
		arena_free(&a);
	}
}

static void nothing_is_an_empty_text(void **state)
{
	(void)state;
	struct arena a = {0};
	struct jsonslice v = arena_keep(&a, NULL, 0);
	assert_non_null(v.s);
	assert_string_equal(v.s, "");
	assert_int_equal(v.len, 0);
	struct jsonslice nul = arena_keep(&a, "a\0b", 3);
	assert_memory_equal(nul.s, "a\0b", 4);
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(copies_stay),
	    cmocka_unit_test(of_any_size),
	    cmocka_unit_test(nothing_is_an_empty_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
