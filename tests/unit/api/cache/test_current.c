/* A value of either kind, from either place, against its floors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/cache/current.h"
#include "tests/unit/declared.h"

enum { PARTITIONS = 2, COLLECTIONS = 16, FLOOR = 100 };

static const struct key_slot slot = {1, 7};
static const enum tier tiers[] = {
    TIER_L1, TIER_REDIS, TIER_REPLICA, TIER_PRIMARY};

/* Is a value as of `as_of` (of a page: in partition 1) served from each? */
static void allowed(
    const struct floors *f, struct value *v, bool cached, bool primary)
{
	const struct collection *c = declared("records");
	for (size_t i = 0; i < sizeof tiers / sizeof *tiers; i++)
		assert_int_equal(current_allows(f, c, slot, v, tiers[i]),
		    tiers[i] == TIER_PRIMARY ? primary : cached);
	value_unref(&v);
}

static struct value *document(version_t as_of)
{
	return value_new(1, as_of, "{}", 2);
}

static struct value *page(version_t as_of)
{
	const version_t watermarks[PARTITIONS] = {FLOOR, as_of};
	return value_page_new("[]", 2, NULL, watermarks, PARTITIONS);
}

static struct value *group(version_t as_of)
{
	return value_group_new("{}", 2, slot.partition, as_of);
}

static void of_an_open_partition(void **state)
{
	(void)state;
	struct floors *f = floors_new(PARTITIONS, COLLECTIONS);
	for (int32_t p = 0; p < PARTITIONS; p++)
		floors_open(f, p, FLOOR);
	allowed(f, document(FLOOR - 1), false, false);
	allowed(f, document(FLOOR), true, true);
	allowed(f, group(FLOOR - 1), false, false);
	allowed(f, group(FLOOR), true, true);
	allowed(f, page(FLOOR - 1), false, false);
	allowed(f, page(FLOOR), true, true);
	floors_free(&f);
}

/* A document and a group have their bucket's floor, a page its collection's. */
static void each_has_its_own_floor(void **state)
{
	(void)state;
	struct floors *f = floors_new(PARTITIONS, COLLECTIONS);
	for (int32_t p = 0; p < PARTITIONS; p++)
		floors_open(f, p, FLOOR);
	floors_raise(f, slot, FLOOR + 5);
	allowed(f, document(FLOOR + 4), false, false);
	allowed(f, group(FLOOR + 4), false, false);
	allowed(f, group(FLOOR + 5), true, true);
	allowed(f, page(FLOOR + 4), true, true);
	floors_raise_pages(f, declared("records")->index, 1, FLOOR + 9);
	allowed(f, document(FLOOR + 5), true, true);
	allowed(f, group(FLOOR + 5), true, true);
	allowed(f, page(FLOOR + 8), false, false);
	allowed(f, page(FLOOR + 9), true, true);
	floors_raise_pages(f, declared("posts")->index, 1, FLOOR + 20);
	allowed(f, page(FLOOR + 9), true, true);
	floors_free(&f);
}

/* Then only what the primary says is good, if it is not older. */
static void of_a_closed_partition(void **state)
{
	(void)state;
	struct floors *f = floors_new(PARTITIONS, COLLECTIONS);
	floors_open(f, 0, FLOOR);
	floors_raise(f, slot, FLOOR);
	floors_raise_pages(f, declared("records")->index, 1, FLOOR);
	allowed(f, document(FLOOR + 1), false, true);
	allowed(f, group(FLOOR + 1), false, true);
	allowed(f, group(FLOOR - 1), false, false);
	allowed(f, document(FLOOR - 1), false, false);
	allowed(f, page(FLOOR + 1), false, true);
	allowed(f, page(FLOOR - 1), false, false);
	floors_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(of_an_open_partition),
	    cmocka_unit_test(each_has_its_own_floor),
	    cmocka_unit_test(of_a_closed_partition),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
