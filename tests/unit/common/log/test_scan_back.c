/* How far before its end a partition is read to find a mark. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/log/scan_back.h"

#include <librdkafka/rdkafka.h>

static void each_is_longer(void **state)
{
	(void)state;
	for (int r = REACH_FIRST; r + 1 < REACH_WHOLE; r++) {
		/* Offsets from the end: the lower the number, the longer. */
		assert_true(reach_offset(r) < RD_KAFKA_OFFSET_TAIL(0));
		assert_true(reach_offset(r + 1) < reach_offset(r));
	}
	assert_int_equal(reach_offset(REACH_WHOLE), RD_KAFKA_OFFSET_BEGINNING);
}

/* A short partition is read as a whole by the first one already. */
static void whole(void **state)
{
	(void)state;
	int64_t first = RD_KAFKA_OFFSET_TAIL(0) - reach_offset(REACH_FIRST);
	assert_true(reach_is_whole(REACH_FIRST, 0));
	assert_true(reach_is_whole(REACH_FIRST, first));
	assert_false(reach_is_whole(REACH_FIRST, first + 1));
	assert_true(reach_is_whole(REACH_FIRST + 1, first + 1));
	assert_false(reach_is_whole(REACH_WHOLE - 1, INT64_MAX));
	assert_true(reach_is_whole(REACH_WHOLE, INT64_MAX));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_is_longer),
	    cmocka_unit_test(whole),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
