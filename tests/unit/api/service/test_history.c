/* Points made of counters, and the ring that keeps them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/service/history.h"
#include "common/base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STEP_US = 5000000 };

struct world {
	struct history *history;
	struct history_totals *totals;
	struct buf text;
	wall_us_t wall;
	mono_us_t now;
};

static struct world begin(void)
{
	struct world w = {.history = history_new(), .wall = 1000000, .now = 7};
	w.totals = MEM_NEW(struct history_totals);
	history_add(w.history, w.totals, w.wall, w.now);
	return w;
}

static void end(struct world *w)
{
	history_free(&w->history);
	free(w->totals);
	buf_free(&w->text);
}

static void point(struct world *w)
{
	w->wall += STEP_US;
	w->now += STEP_US;
	history_add(w->history, w->totals, w->wall, w->now);
}

static const char *text(struct world *w, wall_us_t after)
{
	buf_clear(&w->text);
	history_write(w->history, after, &w->text);
	return w->text.data;
}

static void assert_series(struct world *w, const char *name, const char *want)
{
	char member[128];
	snprintf(member, sizeof member, "\"%s\":[%s]", name, want);
	if (!strstr(text(w, 0), member))
		fail_msg("no %s in %s", member, w->text.data);
}

static void the_first_totals_are_no_point(void **state)
{
	struct world w = begin();
	(void)state;
	assert_non_null(strstr(text(&w, 0), "\"times\":[],"));
	assert_series(&w, "reads_l1", "");
	point(&w);
	assert_non_null(strstr(text(&w, 0), "\"times\":[6000],"));
	end(&w);
}

static void rates_are_growth_a_second(void **state)
{
	struct world w = begin();
	struct api_metrics *m = &w.totals->metrics;
	(void)state;
	metric_add(&m->read_l1, 100);
	metric_add(&m->l1_hit, 5);
	metric_add(&m->page_hit, 10);
	point(&w);
	point(&w);
	assert_series(&w, "reads_l1", "20,0");
	assert_series(&w, "l1_hits", "3,0");
	/* A counter that went back is no negative rate. */
	metric_set(&m->read_l1, 0);
	point(&w);
	assert_series(&w, "reads_l1", "20,0,0");
	end(&w);
}

static void what_is_unknown_is_null(void **state)
{
	struct world w = begin();
	struct history_log *log = &w.totals->log;
	(void)state;
	metric_set(&log->backlog, -1);
	metric_set(&log->decided, -1);
	point(&w);
	metric_set(&log->backlog, 12);
	metric_set(&log->decided, 50);
	point(&w);
	metric_set(&log->decided, 100);
	point(&w);
	assert_series(&w, "backlog", "null,12,12");
	assert_series(&w, "writes_committed", "null,null,10");
	end(&w);
}

static void quantiles_are_of_the_interval(void **state)
{
	struct world w = begin();
	struct api_metrics *m = &w.totals->metrics;
	(void)state;
	point(&w);
	for (int i = 0; i < 100; i++)
		metric_observe(&m->request_read, i < 98 ? 150 : 30000);
	point(&w);
	point(&w);
	/* 150 us is in the bucket from 0.1 to 0.2 ms, 30 ms in that from 25.6
	 * to 51.2: 50 of 98 through the first, and 1 of 2 through the other. */
	assert_series(&w, "read_p50", "null,0.151,null");
	assert_series(&w, "read_p99", "null,38.4,null");
	/* Three histograms are one. */
	metric_observe(&m->request_put, 40);
	metric_observe(&m->request_patch, 40);
	metric_observe(&m->request_post, 40);
	point(&w);
	assert_series(&w, "update_p50", "null,null,null,0.025");
	/* Longer than every bound: the last bound. */
	metric_observe(&m->request_delete, (dur_us_t)INT64_MAX / 4);
	point(&w);
	assert_series(&w, "delete_p99", "null,null,null,null,1.311e+04");
	end(&w);
}

static void sums_have_every_metric(void **state)
{
	struct world w = begin();
	struct api_metrics one = {0};
	(void)state;
	metric_add(&one.read_l1, 3);
	metric_observe(&one.request_read, 150);
	history_sum(&w.totals->metrics, &one);
	history_sum(&w.totals->metrics, &one);
	assert_int_equal(metric_get(&w.totals->metrics.read_l1), 6);
	assert_int_equal(
	    metric_get(&w.totals->metrics.request_read.bucket[2]), 2);
	assert_int_equal(
	    metric_get(&w.totals->metrics.request_read.sum_us), 300);
	end(&w);
}

static size_t commas(const char *from)
{
	size_t n = 0;
	while (*++from != ']')
		n += *from == ',';
	return n;
}

static void the_ring_keeps_the_newest(void **state)
{
	struct world w = begin();
	(void)state;
	for (int i = 0; i < 3 * HISTORY_POINTS + 1; i++)
		point(&w);
	const char *times = strchr(text(&w, 0), '[');
	assert_int_equal(commas(times) + 1, HISTORY_POINTS);
	char last[32];
	snprintf(last, sizeof last, ",%lld]", (long long)(w.wall / 1000));
	assert_non_null(strstr(w.text.data, last));
	/* Only what is newer. */
	assert_int_equal(
	    commas(strchr(text(&w, w.wall - 2 * STEP_US), '[')), 1);
	assert_non_null(strstr(text(&w, w.wall), "\"times\":[],"));
	end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_first_totals_are_no_point),
	    cmocka_unit_test(rates_are_growth_a_second),
	    cmocka_unit_test(what_is_unknown_is_null),
	    cmocka_unit_test(quantiles_are_of_the_interval),
	    cmocka_unit_test(sums_have_every_metric),
	    cmocka_unit_test(the_ring_keeps_the_newest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
