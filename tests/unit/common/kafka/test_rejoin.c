/* Which fences are excused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/kafka/rejoin.h"

#define SESSION CLOCK_S(6)
#define NOW CLOCK_S(1000)

static void without_a_loss(void **state)
{
	(void)state;
	struct rejoin r = {0};
	assert_false(rejoin_fenced(&r, NOW, SESSION));
	rejoin_assigned(&r, NOW);
	assert_false(rejoin_fenced(&r, NOW, SESSION));
	assert_false(rejoin_fenced(&r, NOW + 1, SESSION));
}

/* However long the broker is away. */
static void before_it_is_back(void **state)
{
	(void)state;
	struct rejoin r = {0};
	rejoin_assigned(&r, NOW);
	rejoin_lost(&r);
	assert_true(rejoin_fenced(&r, NOW + 100 * SESSION, SESSION));
}

static void for_a_session(void **state)
{
	(void)state;
	struct rejoin r = {0};
	rejoin_lost(&r);
	rejoin_assigned(&r, NOW);
	struct rejoin again = r;
	assert_true(rejoin_fenced(&r, NOW + SESSION - 1, SESSION));
	assert_false(rejoin_fenced(&again, NOW + SESSION, SESSION));
}

/* Members come and go: the group assigns again and again. */
static void from_the_first_assignment(void **state)
{
	(void)state;
	struct rejoin r = {0};
	rejoin_lost(&r);
	for (int i = 0; i < 10; i++)
		rejoin_assigned(&r, NOW + i * SESSION / 8);
	assert_false(rejoin_fenced(&r, NOW + SESSION, SESSION));
}

static void once_a_loss(void **state)
{
	(void)state;
	struct rejoin r = {0};
	rejoin_lost(&r);
	assert_true(rejoin_fenced(&r, NOW, SESSION));
	rejoin_assigned(&r, NOW);
	assert_false(rejoin_fenced(&r, NOW + 1, SESSION));
	rejoin_lost(&r);
	rejoin_assigned(&r, NOW + 2);
	rejoin_lost(&r);
	rejoin_assigned(&r, NOW + SESSION);
	assert_true(rejoin_fenced(&r, NOW + SESSION + 2, SESSION));
	assert_false(rejoin_fenced(&r, NOW + SESSION + 2, SESSION));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(without_a_loss),
	    cmocka_unit_test(before_it_is_back),
	    cmocka_unit_test(for_a_session),
	    cmocka_unit_test(from_the_first_assignment),
	    cmocka_unit_test(once_a_loss),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
