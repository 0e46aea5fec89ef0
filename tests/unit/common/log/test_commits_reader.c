/* How a partition of sluice.commits is read: where it begins, what counts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/log/commits_reader.h"
#include "common/log/scan_back.h"

static void counts_behind_its_offset(void **state)
{
	(void)state;
	struct commits_reader r = {0};
	commits_reader_move(&r, 7);
	assert_false(commits_reader_takes(&r, 7)); /* of the one before */
	commits_reader_assigned(&r);
	assert_false(commits_reader_takes(&r, 6));
	assert_true(commits_reader_takes(&r, 7));
	assert_false(commits_reader_takes(&r, 7));
	assert_true(commits_reader_takes(&r, 9)); /* compaction left a hole */
	assert_int_equal(r.next, 10);
}

static void searches_back_to_the_beginning(void **state)
{
	(void)state;
	struct commits_reader r = {0};
	const int64_t end = 1000000;
	int searches = 1;
	commits_reader_search(&r, SCAN_BACK_FIRST);
	assert_int_equal(r.next, RD_KAFKA_OFFSET_TAIL(64));
	for (; commits_reader_retry(&r, end); searches++) {
		assert_true(r.moving);
		assert_int_equal(r.next, scan_back_offset(r.reach));
		commits_reader_assigned(&r);
		/* What is there has any offset. */
		assert_true(commits_reader_takes(&r, end - 1));
	}
	assert_int_equal(searches, SCAN_BACK_WHOLE + 1);
	assert_int_equal(r.reach, SCAN_BACK_WHOLE);
}

static void a_short_partition_is_read_once(void **state)
{
	(void)state;
	struct commits_reader r = {0};
	commits_reader_search(&r, SCAN_BACK_FIRST);
	commits_reader_assigned(&r);
	assert_true(commits_reader_is_whole(&r, 64));
	assert_false(commits_reader_retry(&r, 64));
	assert_false(r.moving);
	assert_false(commits_reader_is_whole(&r, 65));
}

static void a_lost_offset(void **state)
{
	(void)state;
	struct commits_reader r = {0};
	commits_reader_move(&r, 7);
	commits_reader_lost(&r); /* a stored one: from the end */
	assert_int_equal(r.reach, SCAN_BACK_FIRST);
	assert_true(r.moving);
	commits_reader_lost(&r); /* one before the end: all there is */
	assert_int_equal(r.next, RD_KAFKA_OFFSET_BEGINNING);
	assert_int_equal(r.reach, SCAN_BACK_WHOLE);
	commits_reader_assigned(&r);
	assert_true(commits_reader_takes(&r, 3)); /* it has an offset again */
	commits_reader_lost(&r);
	assert_int_equal(r.reach, SCAN_BACK_FIRST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(counts_behind_its_offset),
	    cmocka_unit_test(searches_back_to_the_beginning),
	    cmocka_unit_test(a_short_partition_is_read_once),
	    cmocka_unit_test(a_lost_offset),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
