/* The keys of a warm start: once each, in bounded memory, by collection. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "projector/warm/warm_keys.h"

#include "tests/unit/declared.h"

#include <stdio.h>
#include <string.h>

static void add(struct warm_keys *w, const char *id)
{
	warm_keys_add(w, id, strlen(id));
}

static void each_once(void **state)
{
	(void)state;
	struct warm_keys w = {0};
	declared("records");
	add(&w, "records/a");
	add(&w, "records/a");
	add(&w, "records/b");
	add(&w, "nothing/a"); /* is not declared */
	add(&w, "records");
	/* Postgres would take them for none, and none of the piece's. */
	add(&w, "posts/a");
	add(&w, "records/\xff");
	assert_int_equal(w.n, 2);
	warm_keys_clear(&w);
	add(&w, "records/a"); /* of the piece before */
	assert_int_equal(w.n, 0);
	warm_keys_free(&w);
	add(&w, "records/a");
	assert_int_equal(w.n, 1);
	warm_keys_free(&w);
}

static void full(void **state)
{
	(void)state;
	struct warm_keys w = {0};
	declared("records");
	char id[32];
	for (int i = 0; !warm_keys_full(&w); i++) {
		assert_true(i < 2 * WARM_KEYS_PIECE);
		snprintf(id, sizeof id, "records/%d", i);
		add(&w, id);
	}
	assert_int_equal(w.n, WARM_KEYS_PIECE);
	warm_keys_free(&w);
}

static void by_collection(void **state)
{
	(void)state;
	struct warm_keys w = {0};
	declared("records");
	add(&w, "records/a");
	add(&w, "posts/1");
	add(&w, "records/b");
	add(&w, "posts/2");
	add(&w, "records/c");
	warm_keys_sort(&w);
	size_t first = warm_keys_run(&w, 0);
	assert_true(first == 2 || first == 3);
	assert_int_equal(warm_keys_run(&w, first), 5 - first);
	assert_int_equal(warm_keys_run(&w, 4), 1);
	for (size_t i = 0; i < w.n; i++)
		assert_memory_equal(w.keys[i].id, w.keys[i].collection->name,
		    strlen(w.keys[i].collection->name));
	warm_keys_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_once),
	    cmocka_unit_test(full),
	    cmocka_unit_test(by_collection),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
