/* Bits of the kernel; lives of entries: their bounds, and that they differ. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/random.h"

enum { DRAWS = 10000 };

static void within_a_tenth_and_all_over_it(void **state)
{
	(void)state;
	static const dur_us_t ttls[] = {
	    10, 1000, CLOCK_S(60), CLOCK_S(2592000)};
	for (size_t t = 0; t < sizeof ttls / sizeof *ttls; t++) {
		struct random j;
		dur_us_t least = ttls[t], most = 0, tenth = ttls[t] / 10;
		random_init(&j, t);
		for (int i = 0; i < DRAWS; i++) {
			dur_us_t d = random_ttl(&j, ttls[t]);
			least = d < least ? d : least;
			most = d > most ? d : most;
		}
		assert_in_range(least, ttls[t] - tenth, ttls[t] - tenth / 2);
		assert_in_range(most, ttls[t] + tenth / 2, ttls[t] + tenth);
	}
}

static void short_lives_stay(void **state)
{
	(void)state;
	struct random j;
	random_init(&j, 0);
	for (dur_us_t ttl = 0; ttl < 10; ttl++)
		assert_int_equal(random_ttl(&j, ttl), ttl);
}

static void seeds_differ(void **state)
{
	(void)state;
	int same = 0;
	dur_us_t last = 0;
	for (uint64_t seed = 0; seed < DRAWS; seed++) {
		struct random j;
		random_init(&j, seed);
		dur_us_t d = random_ttl(&j, CLOCK_S(60));
		same += d == last;
		last = d;
	}
	assert_in_range(same, 0, 3);
}

static void the_kernel_fills_all_bytes(void **state)
{
	(void)state;
	unsigned char one[24] = {0}, changed[24] = {0};
	for (int i = 0; i < 64; i++) {
		random_bytes(one, sizeof one);
		for (size_t k = 0; k < sizeof one; k++)
			changed[k] |= one[k];
	}
	for (size_t k = 0; k < sizeof one; k++)
		assert_int_not_equal(changed[k], 0);
	assert_true(random_bits() != random_bits());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(within_a_tenth_and_all_over_it),
	    cmocka_unit_test(the_kernel_fills_all_bytes),
	    cmocka_unit_test(short_lives_stay),
	    cmocka_unit_test(seeds_differ),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
