/* The metrics of sluice-writer: the average rate, and the former names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "writer/core/stats.h"

#include <stdlib.h>
#include <string.h>

/* A steady rate is reached, and forgotten when nothing is decided any more. */
static void the_rate_is_an_average(void **state)
{
	(void)state;
	struct stats m = {0};
	int64_t before = 0;
	for (int second = 0; second < 60; second++) {
		metric_add(&m.applied, 700);
		metric_add(&m.rejected, 100);
		metric_add(&m.replayed, 100);
		metric_add(&m.copies, 100);
		before = stats_measure(&m, before);
	}
	assert_int_equal(before, 60000);
	assert_in_range(metric_get(&m.decided_rate), 990, 1000);
	for (int second = 0; second < 60; second++)
		before = stats_measure(&m, before);
	assert_in_range(metric_get(&m.decided_rate), 0, 5);
}

/* A dashboard that asks for the former name has the same number. */
static void a_renamed_metric_has_both_names(void **state)
{
	(void)state;
	struct stats m = {0};
	const void *const instances[] = {&m};
	struct buf text = {0};
	metric_set(&m.decided_rate, 4711);
	metrics_render(&text, NULL, stats_rows, stats_nrows, instances, 1);
	assert_non_null(
	    strstr(text.data, "# TYPE sluice_writer_decided_rate gauge\n"
			      "sluice_writer_decided_rate 4711\n"));
	assert_non_null(strstr(text.data,
	    "# HELP sluice_writer_drain_rate Deprecated, until the next "
	    "release: the former name of sluice_writer_decided_rate.\n"
	    "# TYPE sluice_writer_drain_rate gauge\n"
	    "sluice_writer_drain_rate 4711\n"));
	buf_free(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_rate_is_an_average),
	    cmocka_unit_test(a_renamed_metric_has_both_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
