/* Where keys live: pinned, because it is a data format, and spread evenly. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/log/keyspace.h"

#include "tests/unit/declared.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

/* If one of these fails, the code is wrong, not the table: partitions of
 * written logs and floors in running Redises depend on it. */
static void pinned(void **state)
{
	(void)state;
	static const struct {
		const char *id;
		int32_t partitions;
		int32_t partition;
		uint32_t bucket;
	} table[] = {
	    {"records/1", 1, 0, 43102},		 /* e281a85e5ca5cba9 */
	    {"records/1", 12, 1, 43102},	 /* e281a85e5ca5cba9 */
	    {"products/42", 12, 10, 49257},	 /* d27c069a8c87906 */
	    {"products/42", 256, 6, 49257},	 /* d27c069a8c87906 */
	    {"posts/hello-world", 12, 2, 52258}, /* 3c83cc22a1940c6e */
	    {"posts/\xc3\xa4", 12, 6, 32263},	 /* 9bb07e0733a07d2e */
	    {"", 12, 10, 32773},		 /* 2d06800538d394c2 */
	    {"products/0123456789012345678901234567890123456789", 64, 49,
		11770}, /* d5692dfa8d2675b1 */
	    {"records/"
	     "0123456789abcdef0123456789abcdef0123456789abcdef"
	     "0123456789abcdef0123456789abcdef0123456789abcdef"
	     "0123456789abcdef0123456789abcdef0123456789abcdef"
	     "0123456789abcdef0123456789abcdef0123456789abcdef"
	     "0123456789abcdef0123456789abcdef0123456789abcdef"
	     "0123456789abcdef",
		64, 54, 7358}, /* 42651cbef8cc2e36 */
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct key_slot slot = keyspace_slot(
		    table[i].id, strlen(table[i].id), table[i].partitions);
		assert_int_equal(slot.partition, table[i].partition);
		assert_int_equal(slot.bucket, table[i].bucket);
	}
}

static void obeys_the_length(void **state)
{
	(void)state;
	struct key_slot a = keyspace_slot("products/42", 11, 8);
	struct key_slot b = keyspace_slot("products/421", 11, 8);
	assert_int_equal(a.partition, b.partition);
	assert_int_equal(a.bucket, b.bucket);
}

static int32_t partition_of(const char *id)
{
	return keyspace_slot(id, strlen(id), 64).partition;
}

/* Pinned, too: all rows of a group, and its batches, are in one partition. */
static void groups(void **state)
{
	(void)state;
	static const char *const ids[] = {"accounts/c42",
	    "accounts/c42:", "accounts/c42:1", "accounts/c42:2:x",
	    "transfers/c42:1", "_batch/c42"};
	declared("accounts");
	for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
		struct key_group g;
		assert_true(keyspace_group(ids[i], strlen(ids[i]), &g));
		assert_int_equal(g.len, 3);
		assert_memory_equal(g.s, "c42", 3);
		assert_int_equal(partition_of(ids[i]), partition_of(ids[0]));
	}
	uint64_t home = XXH3_64bits("c42", 3);
	assert_int_equal(partition_of(ids[0]), home % 64);
	struct key_slot a = keyspace_slot("accounts/c42:1", 14, 64);
	struct key_slot b = keyspace_slot("accounts/c42:2", 14, 64);
	assert_int_not_equal(a.bucket, b.bucket);
	struct key_group g;
	assert_false(keyspace_group("records/c42:1", 13, &g));
	assert_false(keyspace_group("accounts", 8, &g));
	assert_true(keyspace_group("accounts/", 9, &g));
	assert_int_equal(g.len, 0);
	assert_true(keyspace_group("_batch/a:b", 10, &g));
	assert_int_equal(g.len, 3);
}

/* The slot of the group itself: one for all its keys, in their partition. */
static void slots_of_groups(void **state)
{
	(void)state;
	struct key_slot c42 =
	    keyspace_group_slot((struct key_group){"c42:1", 3}, 64);
	uint64_t home = XXH3_64bits("c42", 3);
	assert_int_equal(c42.partition, home % 64);
	assert_int_equal(c42.bucket, (home >> 32) % KEYSPACE_BUCKETS);
	struct key_slot other =
	    keyspace_group_slot((struct key_group){"c43", 3}, 64);
	assert_int_not_equal(other.bucket, c42.bucket);
}

/* Chi-squared over n equally likely cells, within six standard deviations. */
static void assert_even(const unsigned *count, size_t n, double total)
{
	double expected = total / (double)n;
	double chi = 0;
	for (size_t i = 0; i < n; i++) {
		double d = (double)count[i] - expected;
		chi += d * d / expected;
	}
	double away = chi - (double)(n - 1);
	assert_true(away * away < 36 * 2 * (double)n);
}

/* Keys that differ in few characters fill partitions, buckets, and the
 * buckets of one partition, evenly. */
static void distribution(void **state)
{
	(void)state;
	enum { KEYS = 400000, PARTITIONS = 12 };
	unsigned partitions[PARTITIONS] = {0};
	unsigned *buckets = calloc(KEYSPACE_BUCKETS, sizeof *buckets);
	unsigned *inside = calloc(KEYSPACE_BUCKETS, sizeof *inside);
	for (int i = 0; i < KEYS; i++) {
		char id[32];
		int len = snprintf(id, sizeof id, "products/%d", i);
		struct key_slot slot =
		    keyspace_slot(id, (size_t)len, PARTITIONS);
		assert_in_range(slot.partition, 0, PARTITIONS - 1);
		assert_in_range(slot.bucket, 0, KEYSPACE_BUCKETS - 1);
		partitions[slot.partition]++;
		buckets[slot.bucket]++;
		if (slot.partition == 5)
			inside[slot.bucket]++;
	}
	assert_even(partitions, PARTITIONS, KEYS);
	assert_even(buckets, KEYSPACE_BUCKETS, KEYS);
	assert_even(inside, KEYSPACE_BUCKETS, partitions[5]);
	free(buckets);
	free(inside);
}

/* What another daemon may know of a collection that is unknown here. */
static void perhaps(void **state)
{
	(void)state;
	static const char id[] = "unknown/c42:1";
	struct key_group g;
	declared("accounts");
	assert_false(keyspace_group(id, strlen(id), &g));
	assert_true(keyspace_group_perhaps(id, strlen(id), &g));
	assert_int_equal(g.len, 3);
	int32_t own = partition_of(id), group = partition_of("_batch/c42");
	assert_int_not_equal(own, group);
	for (int32_t p = 0; p < 64; p++) {
		assert_int_equal(keyspace_is_home(id, strlen(id), p, 64),
		    p == own || p == group);
		assert_int_equal(keyspace_is_home("accounts/c42:1", 14, p, 64),
		    p == partition_of("accounts/c42:1"));
		assert_int_equal(keyspace_is_home("records/c42:1", 13, p, 64),
		    p == partition_of("records/c42:1"));
	}
	assert_false(keyspace_group_perhaps("records/c42:1", 13, &g));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(pinned),
	    cmocka_unit_test(obeys_the_length),
	    cmocka_unit_test(distribution),
	    cmocka_unit_test(groups),
	    cmocka_unit_test(perhaps),
	    cmocka_unit_test(slots_of_groups),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
