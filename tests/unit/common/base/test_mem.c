/* Memory: sizes of zero, copies, arrays that grow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/mem.h"

#include <stdlib.h>
#include <string.h>

static void of_no_size(void **state)
{
	(void)state;
	void *all[] = {mem_alloc(0), mem_zalloc(0), mem_realloc(NULL, 0),
	    mem_dup(NULL, 0), mem_strndup(NULL, 0), mem_strdup("")};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		assert_non_null(all[i]);
		free(all[i]);
	}
}

static void copies(void **state)
{
	(void)state;
	char *dup = mem_dup("a\0b", 3);
	char *part = mem_strndup("abcdef", 3), *whole = mem_strdup("abc");
	assert_memory_equal(dup, "a\0b", 3);
	assert_string_equal(part, "abc");
	assert_string_equal(whole, "abc");
	free(dup);
	free(part);
	free(whole);
}

static void zeroes(void **state)
{
	(void)state;
	struct {
		char bytes[1000];
	} *made = mem_zalloc(sizeof *made);
	for (size_t i = 0; i < sizeof made->bytes; i++)
		assert_int_equal(made->bytes[i], 0);
	free(made);
}

static void grows(void **state)
{
	(void)state;
	size_t *array = NULL, cap = 0, moved = 0;
	for (size_t n = 0; n < 1000; n++) {
		size_t before = cap;
		MEM_GROW(array, cap, n);
		assert_true(n < cap);
		moved += before != cap;
		array[n] = n;
	}
	for (size_t n = 0; n < 1000; n++)
		assert_int_equal(array[n], n);
	assert_true(moved < 10); /* it doubles */
	MEM_GROW(array, cap, 50000);
	assert_true(cap > 50000);
	array[50000] = 1;
	assert_int_equal(array[999], 999);
	free(array);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(of_no_size),
	    cmocka_unit_test(copies),
	    cmocka_unit_test(zeroes),
	    cmocka_unit_test(grows),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
