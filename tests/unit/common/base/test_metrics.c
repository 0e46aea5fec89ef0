/* Metrics: buckets, sums over threads, the Prometheus text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/metrics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct stats {
	metric_t first;
	metric_t second;
	metric_t level;
	metric_t age;
	struct metric_histogram time;
	struct metric_histogram labelled;
};

static const struct metric_row rows[] = {
    {METRIC_COUNTER, "t_total", "way=\"a\"", "Ways.",
	offsetof(struct stats, first)},
    {METRIC_COUNTER, "t_total", "way=\"b\"", "Ways.",
	offsetof(struct stats, second)},
    {METRIC_GAUGE, "t_level", "", "A level.", offsetof(struct stats, level)},
    {METRIC_SECONDS, "t_age_seconds", "", "An age.",
	offsetof(struct stats, age)},
    {METRIC_HISTOGRAM, "t_seconds", "", "A time.",
	offsetof(struct stats, time)},
    {METRIC_HISTOGRAM, "t_more_seconds", "way=\"a\"", "Another.",
	offsetof(struct stats, labelled)},
};
enum { ROWS = sizeof rows / sizeof *rows };

static char *render(const struct stats *one, const struct stats *two)
{
	const void *const instances[] = {one, two};
	struct buf b = {0};
	metrics_render(&b, NULL, rows, ROWS, instances, two ? 2 : 1);
	return buf_take(&b, NULL);
}

static void has_line(const char *text, const char *line)
{
	char whole[256];
	snprintf(whole, sizeof whole, "\n%s\n", line);
	if (strstr(text, whole) == NULL &&
	    strncmp(text, whole + 1, strlen(whole) - 1) != 0)
		fail_msg("no line '%s' in:\n%s", line, text);
}

static void counters(void **state)
{
	(void)state;
	struct stats one = {0}, two = {0};
	metric_add(&one.first, 3);
	metric_add(&one.first, 4);
	metric_add(&two.first, 10);
	metric_add(&two.second, 1);
	metric_set(&one.level, 5);
	metric_set(&one.age, 1500000);
	metric_set(&two.level, -7);
	assert_int_equal(metric_get(&one.first), 7);
	const void *const both[] = {&one, &two};
	assert_int_equal(metrics_sum(&rows[0], both, 2), 17);
	assert_int_equal(metrics_sum(&rows[0], both, 1), 7);
	assert_int_equal(metrics_sum(&rows[0], both, 0), 0);
	char *text = render(&one, &two);
	static const char head[] = "# HELP t_total Ways.\n"
				   "# TYPE t_total counter\n"
				   "t_total{way=\"a\"} 17\n"
				   "t_total{way=\"b\"} 1\n"
				   "# HELP t_level A level.\n"
				   "# TYPE t_level gauge\n"
				   "t_level -2\n"
				   "# HELP t_age_seconds An age.\n"
				   "# TYPE t_age_seconds gauge\n"
				   "t_age_seconds 1.500000\n"
				   "# HELP t_seconds A time.\n"
				   "# TYPE t_seconds histogram\n"
				   "t_seconds_bucket{le=\"5e-05\"} 0\n"
				   "t_seconds_bucket{le=\"0.0001\"} 0\n";
	assert_memory_equal(text, head, sizeof head - 1);
	free(text);
}

/* At, and one above, every bound: 50 us << i. */
static void buckets(void **state)
{
	(void)state;
	for (int i = 0; i < METRIC_BUCKETS - 1; i++) {
		struct metric_histogram h = {0};
		int64_t bound = INT64_C(50) << i;
		metric_observe(&h, bound);
		assert_int_equal(h.bucket[i], 1);
		metric_observe(&h, bound + 1);
		assert_int_equal(h.bucket[i], 1);
		assert_int_equal(h.bucket[i + 1], 1);
		assert_int_equal(h.sum_us, 2 * bound + 1);
	}
	struct metric_histogram h = {0};
	metric_observe(&h, 0);
	metric_observe(&h, INT64_C(1) << 60);
	assert_int_equal(h.bucket[0], 1);
	assert_int_equal(h.bucket[METRIC_BUCKETS - 1], 1);
}

static void histogram_text(void **state)
{
	(void)state;
	struct stats one = {0}, two = {0};
	metric_observe(&one.time, 60);
	metric_observe(&two.time, 60);
	metric_observe(&one.time, 150);
	metric_observe(&one.time, 20000000);
	metric_observe(&two.labelled, 1);
	char *text = render(&one, &two);
	static const char *const lines[] = {
	    "t_seconds_bucket{le=\"5e-05\"} 0",
	    "t_seconds_bucket{le=\"0.0001\"} 2",
	    "t_seconds_bucket{le=\"0.0002\"} 3",
	    "t_seconds_bucket{le=\"13.1072\"} 3",
	    "t_seconds_bucket{le=\"+Inf\"} 4",
	    "t_seconds_sum 20.000270",
	    "t_seconds_count 4",
	    "t_more_seconds_bucket{way=\"a\",le=\"5e-05\"} 1",
	    "t_more_seconds_bucket{way=\"a\",le=\"+Inf\"} 1",
	    "t_more_seconds_sum{way=\"a\"} 0.000001",
	    "t_more_seconds_count{way=\"a\"} 1",
	};
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
		has_line(text, lines[i]);
	assert_null(strstr(text, "\nt_seconds ")); /* no sample of its own */
	free(text);
	text = render(&one, NULL);
	has_line(text, "t_seconds_count 3");
	free(text);
}

/* No bound is written as another one's: %g has six digits. */
static void bounds_differ(void **state)
{
	(void)state;
	struct stats one = {0};
	char *text = render(&one, NULL);
	double last = 0;
	int n = 0;
	for (const char *p = text; (p = strstr(p, "t_seconds_bucket{le=\""));
	     n++) {
		p += strlen("t_seconds_bucket{le=\"");
		double le = strtod(p, NULL); /* reads +Inf, too */
		assert_true(le > last);
		last = le;
	}
	assert_int_equal(n, METRIC_BUCKETS);
	free(text);
}

static void documentation(void **state)
{
	(void)state;
	char *text = NULL;
	size_t len = 0;
	FILE *saved = stdout;
	stdout = open_memstream(&text, &len);
	assert_non_null(stdout);
	metrics_print_docs(rows, ROWS);
	fclose(stdout);
	stdout = saved;
	has_line(text, "| `t_total` | counter | `way=\"b\"` | Ways. |");
	has_line(text, "| `t_level` | gauge |  | A level. |");
	has_line(text, "| `t_seconds` | histogram |  | A time. |");
	free(text);
}

static const char *thing(size_t i)
{
	static const char *const names[] = {"one", "two", NULL};
	return names[i];
}

struct of_thing {
	metric_t good, bad;
};

/* Two threads, two things, two rows of one family. */
static void each_of_several(void **state)
{
	(void)state;
	static const struct metric_row of_rows[] = {
	    {METRIC_COUNTER, "t_things_total", "thing=\"\",how=\"good\"",
		"Things.", offsetof(struct of_thing, good)},
	    {METRIC_COUNTER, "t_things_total", "thing=\"\",how=\"bad\"",
		"Things.", offsetof(struct of_thing, bad)},
	};
	struct of_thing a[2] = {0}, b[2] = {0};
	const void *const instances[] = {a, b};
	metric_add(&a[0].good, 1);
	metric_add(&b[0].good, 2);
	metric_add(&b[1].good, 4);
	metric_add(&a[1].bad, 8);
	const struct metrics_each e = {.rows = of_rows,
	    .nrows = 2,
	    .instances = instances,
	    .n = 2,
	    .size = sizeof(struct of_thing),
	    .name = thing};
	struct buf out = {0};
	metrics_render_each(&out, NULL, &e);
	assert_string_equal(out.data,
	    "# HELP t_things_total Things.\n# TYPE t_things_total counter\n"
	    "t_things_total{thing=\"one\",how=\"good\"} 3\n"
	    "t_things_total{thing=\"two\",how=\"good\"} 4\n"
	    "t_things_total{thing=\"one\",how=\"bad\"} 0\n"
	    "t_things_total{thing=\"two\",how=\"bad\"} 8\n");
	buf_free(&out);
}

static bool one_exemplar(void *arg, const struct metric_row *row, int bucket,
    struct metric_exemplar *out)
{
	assert_int_equal(row->kind, METRIC_HISTOGRAM);
	*out = (struct metric_exemplar){
	    .trace = "0123456789abcdef0123456789abcdef",
	    .us = 70,
	    .at = 1700000000123000};
	return bucket == *(int *)arg && row->labels[0] == '\0';
}

/* The family of a counter has no `_total`; texts escape quotes. */
static void openmetrics(void **state)
{
	(void)state;
	static const struct metric_row own[] = {
	    {METRIC_COUNTER, "t_first_total", "", "The \"first\".",
		offsetof(struct stats, first)},
	    {METRIC_COUNTER, "t_second", "", "No total.",
		offsetof(struct stats, first)},
	    {METRIC_HISTOGRAM, "t_seconds", "", "A time.",
		offsetof(struct stats, time)},
	    {METRIC_HISTOGRAM, "t_seconds", "way=\"a\"", "A time.",
		offsetof(struct stats, labelled)},
	};
	struct stats one = {0};
	const void *const instances[] = {&one};
	int bucket = metric_bucket(70);
	const struct metrics_open open = {one_exemplar, &bucket};
	struct buf b = {0};
	metric_add(&one.first, 3);
	metric_observe(&one.time, 70);
	metric_observe(&one.labelled, 70);
	metrics_render(&b, &open, own, 4, instances, 1);
	has_line(b.data, "# HELP t_first The \\\"first\\\".");
	has_line(b.data, "# TYPE t_first counter");
	has_line(b.data, "t_first_total 3");
	has_line(b.data, "# TYPE t_second unknown");
	has_line(b.data, "t_second 3");
	has_line(b.data,
	    "t_seconds_bucket{le=\"0.0001\"} 1 # {trace_id=\""
	    "0123456789abcdef0123456789abcdef\"} 0.000070 1700000000.123");
	has_line(b.data, "t_seconds_bucket{le=\"0.0002\"} 1");
	has_line(b.data, "t_seconds_bucket{way=\"a\",le=\"0.0001\"} 1");
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_of_several),
	    cmocka_unit_test(counters),
	    cmocka_unit_test(buckets),
	    cmocka_unit_test(histogram_text),
	    cmocka_unit_test(bounds_differ),
	    cmocka_unit_test(openmetrics),
	    cmocka_unit_test(documentation),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
