/* The hash of the tables in memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/hash.h"

static void equal_bytes_have_one_hash(void **state)
{
	(void)state;
	char a[] = "the same bytes", b[] = "the same bytes";
	assert_true(hash_bytes(a, sizeof a) == hash_bytes(b, sizeof b));
	assert_true(hash_bytes(a, sizeof a) != hash_bytes(a, sizeof a - 1));
	b[sizeof b - 1] = '!';
	assert_true(hash_bytes(a, sizeof a) != hash_bytes(b, sizeof b));
	b[sizeof b - 1] = '\0';
	b[0] = 'T';
	assert_true(hash_bytes(a, sizeof a) != hash_bytes(b, sizeof b));
	assert_true(hash_bytes("", 0) == hash_bytes("x", 0));
}

/* Of the process, and never without one. */
static void the_seed_stays(void **state)
{
	(void)state;
	uint64_t seed = hash_seed();
	uint64_t hash = hash_bytes("x", 1);
	assert_true(hash_seed() == seed);
	assert_true(hash_bytes("x", 1) == hash);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(equal_bytes_have_one_hash),
	    cmocka_unit_test(the_seed_stays),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
