/* Floors: INV-1, closed partitions, and what another thread sees. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/cache/floors.h"

#include <pthread.h>
#include <stdatomic.h>

static const struct key_slot here = {1, 7};
static const struct key_slot next_bucket = {1, 8};
static const struct key_slot elsewhere = {0, 7};
static const struct key_slot last = {2, KEYSPACE_BUCKETS - 1};

static void closed_allows_nothing(void **state)
{
	(void)state;
	struct floors *f = floors_new(3, 2);
	assert_false(floors_is_open(f, 1));
	assert_true(floors_get(f, here) == FLOORS_CLOSED);
	assert_false(floors_allow(f, here, 0));
	assert_false(floors_allow(f, here, VERSION_MAX));
	assert_false(floors_allow(f, here, UINT64_MAX));
	floors_raise(f, here, 9); /* heard before the first mark */
	assert_false(floors_allow(f, here, 9));
	floors_free(&f);
	assert_null(f);
	floors_free(&f);
}

/* It may have gone back, or have been asked before a record was heard. */
static void closed_allows_what_the_primary_says(void **state)
{
	(void)state;
	struct floors *f = floors_new(3, 2);
	assert_true(floors_allow_primary(f, here, 0));
	floors_raise(f, here, 9);
	assert_false(floors_allow_primary(f, here, 8));
	assert_true(floors_allow_primary(f, here, 9));
	assert_true(floors_allow_primary(f, next_bucket, 0));
	floors_open(f, 1, 7);
	assert_false(floors_allow_primary(f, here, 8));
	assert_false(floors_allow_primary(f, next_bucket, 6));
	assert_true(floors_allow_primary(f, next_bucket, 7));
	floors_free(&f);
}

static void at_or_above(void **state)
{
	(void)state;
	struct floors *f = floors_new(3, 2);
	floors_open(f, 1, 100);
	assert_true(floors_is_open(f, 1));
	assert_false(floors_is_open(f, 0));
	assert_false(floors_allow(f, here, 99));
	assert_true(floors_allow(f, here, 100));
	assert_false(floors_allow(f, elsewhere, 100));
	floors_raise(f, here, 120);
	assert_true(floors_get(f, here) == 120);
	assert_false(floors_allow(f, here, 119));
	assert_true(floors_allow(f, here, 120));
	assert_true(floors_allow(f, next_bucket, 100));
	floors_free(&f);
}

/* A page has rows of every partition; a commit ends those of its collection. */
static void pages(void **state)
{
	(void)state;
	struct floors *f = floors_new(2, 3);
	const version_t old[] = {100, 200}, newer[] = {101, 200};
	assert_false(floors_all_open(f));
	assert_true(floors_allow_page_primary(f, 0, old));
	floors_open(f, 0, 100);
	assert_false(floors_all_open(f));
	assert_false(floors_allow_page(f, 0, old));
	floors_open(f, 1, 200);
	assert_true(floors_all_open(f));
	for (size_t c = 0; c < 3; c++)
		assert_true(floors_allow_page(f, c, old));
	floors_raise_pages(f, 1, 0, 101);
	assert_true(floors_allow_page(f, 0, old));
	assert_false(floors_allow_page(f, 1, old));
	assert_false(floors_allow_page_primary(f, 1, old));
	assert_true(floors_allow_page(f, 1, newer));
	assert_true(floors_allow_page(f, 2, old));
	floors_raise(f, (struct key_slot){0, 7}, 150); /* a document's */
	assert_true(floors_allow_page(f, 2, old));
	floors_raise_pages(f, 1, 0, 90); /* it never falls */
	assert_false(floors_allow_page(f, 1, old));
	floors_open(f, 1, 201); /* a jump: of every collection */
	for (size_t c = 0; c < 3; c++)
		assert_false(floors_allow_page(f, c, newer));
	floors_free(&f);
}

static void never_fall(void **state)
{
	(void)state;
	struct floors *f = floors_new(3, 2);
	floors_raise(f, here, 150); /* before it opens: it counts then */
	floors_open(f, 1, 100);
	assert_true(floors_get(f, here) == 150);
	assert_true(floors_get(f, next_bucket) == 100);
	floors_raise(f, here, 140);
	assert_true(floors_get(f, here) == 150);
	floors_open(f, 1, 120); /* a jump */
	assert_true(floors_get(f, here) == 150);
	assert_true(floors_get(f, next_bucket) == 120);
	floors_open(f, 1, 110);
	assert_true(floors_get(f, next_bucket) == 120);
	floors_open(f, 2, 5);
	floors_raise(f, last, 6);
	assert_true(floors_get(f, last) == 6);
	floors_raise_pages(f, 1, 1, 900);
	floors_close(f, 1);
	assert_true(floors_get(f, here) == FLOORS_CLOSED);
	assert_false(floors_allow_primary(f, here, 149));
	floors_reset(f, 1, 130);
	assert_false(floors_allow_primary(f, here, 129));
	assert_true(floors_allow_primary(f, here, 130));
	assert_true(floors_get(f, here) == FLOORS_CLOSED);
	floors_open(f, 1, 131);
	assert_true(floors_get(f, here) == 131);
	assert_true(floors_get(f, next_bucket) == 131);
	assert_true(floors_get(f, last) == 6);
	version_t page[] = {0, 131, 6};
	assert_true(floors_allow_page_primary(f, 1, page));
	floors_free(&f);
}

enum { ROUNDS = 20000 };

struct shared {
	struct floors *floors;
	_Atomic version_t watermark;
};

static void *tail(void *arg)
{
	struct shared *s = arg;
	for (version_t v = 0; v < ROUNDS; v++) {
		struct key_slot slot = {0, (uint32_t)(v % 16)};
		floors_raise(s->floors, slot, v + 1);
		atomic_store_explicit(
		    &s->watermark, v + 1, memory_order_release);
	}
	return NULL;
}

/* Whoever has seen the watermark sees the floor of every commit below. */
static void seen_with_the_watermark(void **state)
{
	(void)state;
	struct shared s = {.floors = floors_new(1, 2)};
	pthread_t thread;
	floors_open(s.floors, 0, 0);
	assert_int_equal(pthread_create(&thread, NULL, tail, &s), 0);
	version_t w = 0;
	version_t before[16] = {0};
	while (w < ROUNDS) {
		w = atomic_load_explicit(&s.watermark, memory_order_acquire);
		if (w == 0)
			continue;
		struct key_slot slot = {0, (uint32_t)((w - 1) % 16)};
		version_t floor = floors_get(s.floors, slot);
		assert_true(floor >= w);
		assert_true(floor >= before[slot.bucket]);
		before[slot.bucket] = floor;
	}
	assert_int_equal(pthread_join(thread, NULL), 0);
	floors_free(&s.floors);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(closed_allows_nothing),
	    cmocka_unit_test(closed_allows_what_the_primary_says),
	    cmocka_unit_test(at_or_above),
	    cmocka_unit_test(pages),
	    cmocka_unit_test(never_fall),
	    cmocka_unit_test(seen_with_the_watermark),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
