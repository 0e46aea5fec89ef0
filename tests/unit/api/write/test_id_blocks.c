/* Ids: each once, in order, asked for ahead of need. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/write/id_blocks.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

static void blocks(void **state)
{
	(void)state;
	struct id_blocks *ids = id_blocks_new(2);
	int64_t id;
	assert_false(id_blocks_take(ids, 1, &id));
	assert_int_equal(id_blocks_want(ids, 1, 1000), 1);
	assert_int_equal(id_blocks_want(ids, 1, 1000), 0); /* somebody asks */
	assert_int_equal(
	    id_blocks_want(ids, 0, 1000), 1); /* another collection */
	id_blocks_add(ids, 1, 1001, 10);
	id_blocks_asked(ids, 1, 0, 1000);
	assert_int_equal(id_blocks_left(ids, 1), 10);
	for (int64_t i = 0; i < 5; i++) {
		assert_int_equal(id_blocks_want(ids, 1, 1000), 0);
		assert_true(id_blocks_take(ids, 1, &id));
		assert_int_equal(id, 1001 + i);
	}
	/* Half of them are gone: ahead of need. */
	assert_int_equal(id_blocks_want(ids, 1, 1000), 1);
	id_blocks_add(ids, 1, 5001, 10);
	id_blocks_asked(ids, 1, 0, 1000);
	for (int64_t i = 5; i < 10; i++) {
		assert_true(id_blocks_take(ids, 1, &id));
		assert_int_equal(id, 1001 + i);
	}
	assert_true(id_blocks_take(ids, 1, &id));
	assert_int_equal(id, 5001);
	id_blocks_free(&ids);
}

/* They ran out while more were asked for: twice as many, up to a bound. */
static void more_at_once(void **state)
{
	(void)state;
	struct id_blocks *ids = id_blocks_new(1);
	int64_t id, next = 1;
	unsigned most = 0;
	for (int round = 0; round < 10; round++) {
		unsigned n = id_blocks_want(ids, 0, 0);
		assert_true(n >= most);
		most = n;
		while (id_blocks_take(ids, 0, &id))
			;
		for (unsigned i = 0; i < n; i++, next += 10)
			id_blocks_add(ids, 0, next, 10);
		id_blocks_asked(ids, 0, 0, 0);
		while (id_blocks_take(ids, 0, &id))
			;
	}
	assert_int_equal(most, 64);
	id_blocks_free(&ids);
}

static void failures(void **state)
{
	(void)state;
	struct id_blocks *ids = id_blocks_new(1);
	int64_t id;
	assert_int_equal(id_blocks_want(ids, 0, 5), 1);
	id_blocks_asked(ids, 0, 200000, 5);
	assert_int_equal(id_blocks_want(ids, 0, 6), 0);
	assert_int_equal(id_blocks_want(ids, 0, 5 + 199999), 0);
	assert_int_equal(id_blocks_want(ids, 0, 5 + 200000), 1);
	id_blocks_add(ids, 0, 7, 0); /* an empty block is none */
	assert_false(id_blocks_take(ids, 0, &id));
	id_blocks_free(&ids);
}

/* --- of one partition ---------------------------------------------------- */

static const struct collection posts = {
    .name = "posts", .key = KEY_INTEGER, .index = 0};

static struct home at(int32_t partition, int32_t partitions)
{
	return (struct home){&posts, partition, partitions};
}

/* The first one that lies there, and the others stay for others. */
static void of_a_partition(void **state)
{
	(void)state;
	enum { PARTITIONS = 8, N = 300 };
	bool seen[N] = {false};
	struct id_blocks *ids = id_blocks_new(1);
	id_blocks_add(ids, 0, 1000, N / 2);
	id_blocks_add(ids, 0, 1000 + N / 2, N / 2);
	for (int32_t p = 0; p < PARTITIONS; p++) {
		const struct home h = at(p, PARTITIONS);
		int64_t id, before = 0;
		for (int i = 0; i < 3; i++, before = id) {
			assert_true(id_blocks_take_at(ids, &h, &id));
			assert_true(home_has_id(&h, id) && id > before);
			assert_false(seen[id - 1000]);
			seen[id - 1000] = true;
			while (++before < id)
				assert_true(before < 1000 ||
					    seen[before - 1000] ||
					    !home_has_id(&h, before));
		}
	}
	assert_int_equal(id_blocks_left(ids, 0), N - 3 * PARTITIONS);
	for (int64_t id, i = 3 * PARTITIONS; i < N; i++) {
		assert_true(id_blocks_take(ids, 0, &id));
		assert_false(seen[id - 1000]);
		seen[id - 1000] = true;
	}
	int64_t id;
	assert_false(id_blocks_take(ids, 0, &id));
	assert_int_equal(id_blocks_left(ids, 0), 0);
	id_blocks_free(&ids);
}

/* None of those that are held lies there: more are asked for, however many are
 * held. */
static void more_of_a_partition(void **state)
{
	(void)state;
	enum { PARTITIONS = 1024 };
	struct id_blocks *ids = id_blocks_new(1);
	int64_t id, next = 1;
	for (int32_t p = 0; p < PARTITIONS; p++) {
		const struct home h = at(p, PARTITIONS);
		int asked = 0;
		while (!id_blocks_take_at(ids, &h, &id)) {
			unsigned n = id_blocks_want(ids, 0, 0);
			assert_true(n > 0);
			assert_true(++asked < 100);
			for (; n > 0; n--, next += 100)
				id_blocks_add(ids, 0, next, 100);
			id_blocks_asked(ids, 0, 0, 0);
		}
		assert_true(home_has_id(&h, id));
	}
	id_blocks_free(&ids);
}

/* All want ids of one partition: what is held has a bound. */
static void bounded(void **state)
{
	(void)state;
	struct id_blocks *ids = id_blocks_new(1);
	const struct home h = at(5, 64);
	int64_t id, next = 1, most = 0;
	for (int i = 0; i < 5000; i++) {
		while (!id_blocks_take_at(ids, &h, &id)) {
			unsigned n = id_blocks_want(ids, 0, 0);
			for (; n > 0; n--, next += 100)
				id_blocks_add(ids, 0, next, 100);
			id_blocks_asked(ids, 0, 0, 0);
		}
		if (id_blocks_left(ids, 0) > most)
			most = id_blocks_left(ids, 0);
	}
	assert_in_range(most, 100, 256 * 100);
	id_blocks_free(&ids);
}

/* --- threads ------------------------------------------------------------- */

enum { THREADS = 4, EACH = 20000 };

static struct id_blocks *shared;

static void *take(void *arg)
{
	int64_t *mine = arg;
	for (size_t i = 0; i < EACH;) {
		const struct home h = at((int32_t)i % 8, 8);
		if (i % 3 ? id_blocks_take(shared, 0, &mine[i])
			  : id_blocks_take_at(shared, &h, &mine[i])) {
			i++;
			continue;
		}
		unsigned n = id_blocks_want(shared, 0, 0);
		static _Atomic int64_t next = 1;
		for (unsigned k = 0; k < n; k++)
			id_blocks_add(shared, 0, atomic_fetch_add(&next, 7), 7);
		if (n)
			id_blocks_asked(shared, 0, 0, 0);
	}
	return NULL;
}

static int by_value(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

static void each_once(void **state)
{
	(void)state;
	pthread_t threads[THREADS];
	int64_t *all = malloc(THREADS * EACH * sizeof *all);
	shared = id_blocks_new(1);
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, take, &all[i * EACH]), 0);
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	qsort(all, THREADS * EACH, sizeof *all, by_value);
	for (size_t i = 1; i < THREADS * EACH; i++)
		assert_true(all[i] > all[i - 1]);
	id_blocks_free(&shared);
	free(all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(blocks),
	    cmocka_unit_test(more_at_once),
	    cmocka_unit_test(failures),
	    cmocka_unit_test(of_a_partition),
	    cmocka_unit_test(more_of_a_partition),
	    cmocka_unit_test(bounded),
	    cmocka_unit_test(each_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
