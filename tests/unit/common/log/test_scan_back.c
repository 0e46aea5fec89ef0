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
	for (int r = SCAN_BACK_FIRST; r + 1 < SCAN_BACK_WHOLE; r++) {
		/* Offsets from the end: the lower the number, the longer. */
		assert_true(scan_back_offset(r) < RD_KAFKA_OFFSET_TAIL(0));
		assert_true(scan_back_offset(r + 1) < scan_back_offset(r));
	}
	assert_int_equal(
	    scan_back_offset(SCAN_BACK_WHOLE), RD_KAFKA_OFFSET_BEGINNING);
}

/* A short partition is read as a whole by the first one already. */
static void whole(void **state)
{
	(void)state;
	int64_t first =
	    RD_KAFKA_OFFSET_TAIL(0) - scan_back_offset(SCAN_BACK_FIRST);
	assert_true(scan_back_is_whole(SCAN_BACK_FIRST, 0));
	assert_true(scan_back_is_whole(SCAN_BACK_FIRST, first));
	assert_false(scan_back_is_whole(SCAN_BACK_FIRST, first + 1));
	assert_true(scan_back_is_whole(SCAN_BACK_FIRST + 1, first + 1));
	assert_false(scan_back_is_whole(SCAN_BACK_WHOLE - 1, INT64_MAX));
	assert_true(scan_back_is_whole(SCAN_BACK_WHOLE, INT64_MAX));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_is_longer),
	    cmocka_unit_test(whole),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
