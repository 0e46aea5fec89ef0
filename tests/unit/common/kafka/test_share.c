/* What changes when a group assigns partitions anew. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/kafka/share.h"

#include <string.h>

enum { PARTITIONS = 6 };

/* The bits are the partitions; from the highest down, each twice. */
static struct share share_of(unsigned bits)
{
	int32_t partitions[2 * PARTITIONS];
	size_t n = 0;
	struct share s = {0};
	for (int32_t p = PARTITIONS; p-- > 0;) {
		for (int i = 0; i < 2 && (bits >> p & 1); i++)
			partitions[n++] = p;
	}
	share_set(&s, partitions, n);
	return s;
}

static unsigned bits_of(const struct share *s)
{
	unsigned bits = 0;
	for (size_t i = 0; i < s->n; i++) {
		assert_true(i == 0 || s->at[i - 1] < s->at[i]);
		bits |= 1u << s->at[i];
	}
	return bits;
}

static void every_pair(void **state)
{
	(void)state;
	struct share out = {0};
	for (unsigned a = 0; a < 1u << PARTITIONS; a++) {
		for (unsigned b = 0; b < 1u << PARTITIONS; b++) {
			struct share x = share_of(a), y = share_of(b);
			assert_int_equal(bits_of(&x), a);
			share_compare(&x, &y, true, &out);
			assert_int_equal(bits_of(&out), a & b);
			share_compare(&x, &y, false, &out);
			assert_int_equal(bits_of(&out), a & ~b);
			share_free(&x);
			share_free(&y);
		}
	}
	share_free(&out);
}

static void is_printed(unsigned bits, const char *want)
{
	struct buf text = {0};
	struct share s = share_of(bits);
	share_print(&s, &text);
	assert_string_equal(text.data, want);
	share_free(&s);
	buf_free(&text);
}

static void printed(void **state)
{
	(void)state;
	is_printed(0, "none");
	is_printed(1, "0");
	is_printed(1u << 5, "5");
	is_printed(0x3f, "0-5");
	is_printed(0x15, "0,2,4");
	is_printed(0x37, "0-2,4-5");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_pair),
	    cmocka_unit_test(printed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
