/* Generated keys at home: where their Idempotency-Key's hash says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/write/home.h"

#include "common/log/keyspace.h"
#include "common/schema/collection.h"

#include <stdio.h>
#include <string.h>

static const struct collection orders = {.name = "orders", .key = KEY_UUIDV7};
static const struct collection posts = {.name = "posts", .key = KEY_INTEGER};

static int32_t partition_of(
    const struct collection *c, const char *key, int32_t partitions)
{
	char id[300];
	int len = snprintf(id, sizeof id, "%s/%s", c->name, key);
	return keyspace_slot(id, (size_t)len, partitions).partition;
}

static void uuids(void **state)
{
	(void)state;
	static const int32_t partitions[] = {1, 2, 8, 1024};
	for (size_t n = 0; n < sizeof partitions / sizeof *partitions; n++) {
		for (unsigned i = 0; i < 300; i++) {
			char key[24], uuid[UUIDV7_LEN], first[UUIDV7_LEN];
			int len = snprintf(key, sizeof key, "retry-%u", i);
			const struct home h =
			    home_of(key, (size_t)len, &orders, partitions[n]);
			assert_int_equal(h.partition,
			    keyspace_slot(key, (size_t)len, partitions[n])
				.partition);
			home_uuid(&h, 1700000000000000, i,
			    UINT64_C(0xfffffffffffff000) + i, uuid);
			assert_int_equal(
			    partition_of(&orders, uuid, partitions[n]),
			    h.partition);
			/* Still one, of that time. */
			assert_true(collection_key_valid(
			    &orders, uuid, UUIDV7_LEN - 1));
			uuidv7_make(1700000000000000, i, 0, first);
			assert_memory_equal(uuid, first, 18);
			assert_true(uuid[19] >= '8' && uuid[19] <= 'b');
		}
	}
}

static void the_same_for_all_collections(void **state)
{
	(void)state;
	assert_int_equal(home_of("k-1", 3, &orders, 64).partition,
	    home_of("k-1", 3, &posts, 64).partition);
}

static void integers(void **state)
{
	(void)state;
	static const int64_t ids[] = {
	    0, 1, -1, 9, 10, 1234567, INT64_MAX, INT64_MIN};
	for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
		char text[24];
		snprintf(text, sizeof text, "%lld", (long long)ids[i]);
		for (int32_t p = 0; p < 16; p++) {
			const struct home h = {&posts, p, 16};
			assert_int_equal(home_has_id(&h, ids[i]),
			    partition_of(&posts, text, 16) == p);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(uuids),
	    cmocka_unit_test(the_same_for_all_collections),
	    cmocka_unit_test(integers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
