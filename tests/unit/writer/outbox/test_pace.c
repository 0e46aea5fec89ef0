/* How far the touches may be ahead of Postgres. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "writer/outbox/pace.h"

enum { PARTITIONS = 3, WINDOW = 4 };

static struct position at(int32_t partition, version_t version)
{
	return (struct position){partition, version};
}

static void windows(void **state)
{
	(void)state;
	struct pace *p = pace_new(PARTITIONS, WINDOW);
	for (version_t v = 10; v < 14; v++) {
		assert_false(pace_due(p));
		pace_told(p, at(1, v));
	}
	assert_true(pace_due(p));
	/* There is no window before the first one. */
	assert_true(pace_applied(p, at(1, 0)));
	pace_turn(p);
	assert_false(pace_due(p));
	/* The second one ends when the first one is applied. */
	for (version_t v = 14; v < 18; v++)
		pace_told(p, at(1, v));
	assert_true(pace_due(p));
	assert_false(pace_applied(p, at(1, 13)));
	assert_true(pace_applied(p, at(1, 14)));
	assert_true(pace_applied(p, at(0, 0)));
	pace_turn(p);
	assert_false(pace_applied(p, at(1, 17)));
	assert_true(pace_applied(p, at(1, 18)));
	pace_free(&p);
	assert_null(p);
	pace_free(&p);
}

/* Reports may come in any order. */
static void newest(void **state)
{
	(void)state;
	struct pace *p = pace_new(PARTITIONS, WINDOW);
	pace_told(p, at(2, 9));
	pace_told(p, at(2, 7));
	pace_turn(p);
	assert_false(pace_applied(p, at(2, 8)));
	assert_true(pace_applied(p, at(2, 10)));
	/* A window without touches of a partition asks no more of it. */
	pace_turn(p);
	assert_false(pace_applied(p, at(2, 9)));
	assert_true(pace_applied(p, at(2, 10)));
	pace_free(&p);
}

static void foreign_partitions(void **state)
{
	(void)state;
	struct pace *p = pace_new(PARTITIONS, WINDOW);
	pace_told(p, at(-1, 5));
	pace_told(p, at(PARTITIONS, 5));
	pace_turn(p);
	assert_true(pace_applied(p, at(-1, 0)));
	assert_true(pace_applied(p, at(PARTITIONS, 0)));
	pace_free(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(windows),
	    cmocka_unit_test(newest),
	    cmocka_unit_test(foreign_partitions),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
