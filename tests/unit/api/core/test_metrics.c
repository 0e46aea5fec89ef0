/* Every metric of sluice-api, in the text that a scrape gets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/core/metrics.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static bool has_line(const char *text, const char *line)
{
	size_t len = strlen(line);
	for (const char *s = text; *s; s = strchr(s, '\n') + 1) {
		if (strncmp(s, line, len) == 0 && s[len] == '\n')
			return true;
	}
	return false;
}

static void every_row(void **state)
{
	(void)state;
	static const char *const kinds[] = {
	    "counter", "gauge", "gauge", "counter", "histogram"};
	static struct api_metrics one, two;
	const void *const both[] = {&one, &two};
	/* A value of its own in each, in two threads' shares. */
	for (size_t i = 0; i < api_metric_count; i++) {
		const struct metric_row *row = &api_metric_rows[i];
		void *a = (char *)&one + row->offset;
		void *b = (char *)&two + row->offset;
		if (row->kind == METRIC_HISTOGRAM) {
			for (size_t k = 0; k <= i; k++)
				metric_observe(a, 1);
			continue;
		}
		assert_int_equal(metric_get(a), 0); /* no field twice */
		metric_set(a, (int64_t)i);
		metric_set(b, 1000);
	}
	struct buf b = {0};
	metrics_render(&b, NULL, api_metric_rows, api_metric_count, both, 2);
	for (size_t i = 0; i < api_metric_count; i++) {
		const struct metric_row *row = &api_metric_rows[i];
		char line[512];
		bool bare = row->labels[0] == '\0';
		bool histogram = row->kind == METRIC_HISTOGRAM;
		snprintf(
		    line, sizeof line, "# HELP %s %s", row->name, row->help);
		assert_true(has_line(b.data, line));
		snprintf(line, sizeof line, "# TYPE %s %s", row->name,
		    kinds[row->kind]);
		assert_true(has_line(b.data, line));
		char value[32];
		if (row->kind == METRIC_SECONDS) /* of microseconds */
			snprintf(value, sizeof value, "0.%06zu", i + 1000);
		else
			snprintf(value, sizeof value, "%zu",
			    histogram ? i + 1 : i + 1000);
		snprintf(line, sizeof line, "%s%s%s%s%s %s", row->name,
		    histogram ? "_count" : "", bare ? "" : "{", row->labels,
		    bare ? "" : "}", value);
		if (!has_line(b.data, line))
			fail_msg("no line: %s", line);
		if (!histogram)
			assert_int_equal(
			    api_metric_sum(both, 2, row->offset), i + 1000);
	}
	buf_free(&b);
}

/* What the format wants of names, labels and families. */
static void names(void **state)
{
	(void)state;
	for (size_t i = 0; i < api_metric_count; i++) {
		const struct metric_row *row = &api_metric_rows[i];
		size_t len = strlen(row->name);
		assert_memory_equal(row->name, "sluice_", 7);
		assert_int_equal(
		    strspn(row->name, "abcdefghijklmnopqrstuvwxyz0123456789_"),
		    len);
		bool total =
		    len > 6 && strcmp(row->name + len - 6, "_total") == 0;
		assert_int_equal(total, row->kind == METRIC_COUNTER);
		assert_true(row->help[0] != '\0');
		assert_null(strpbrk(row->help, "\n\\"));
		for (size_t k = 0; k < i; k++) {
			const struct metric_row *other = &api_metric_rows[k];
			if (strcmp(row->name, other->name) != 0)
				continue;
			/* One family: one help, one kind, in one place. */
			assert_string_equal(row->help, other->help);
			assert_int_equal(row->kind, other->kind);
			assert_string_not_equal(row->labels, other->labels);
			assert_string_equal(
			    row->name, api_metric_rows[i - 1].name);
		}
	}
}

static int64_t count_of(const struct metric_histogram *h)
{
	int64_t n = 0;
	for (int i = 0; i < METRIC_BUCKETS; i++)
		n += metric_get(&h->bucket[i]);
	return n;
}

static void requests_by_class(void **state)
{
	(void)state;
	struct api_metrics m = {0};
	api_metric_request(&m, true, VERB_read, "GET", 60);
	api_metric_request(&m, true, VERB_read, "HEAD", 40);
	assert_int_equal(count_of(&m.request_read), 2);
	assert_int_equal(metric_get(&m.request_read.sum_us), 100);
	api_metric_request(&m, true, VERB_list, "GET", 1);
	api_metric_request(&m, true, VERB_changes, "GET", 1);
	api_metric_request(&m, true, VERB_create, "POST", 1);
	api_metric_request(&m, true, VERB_update, "PUT", 1);
	api_metric_request(&m, true, VERB_update, "PATCH", 1);
	api_metric_request(&m, true, VERB_update, "POST", 1);
	api_metric_request(&m, true, VERB_delete, "DELETE", 1);
	assert_int_equal(count_of(&m.request_list), 1);
	assert_int_equal(count_of(&m.request_changes), 1);
	assert_int_equal(count_of(&m.request_create), 1);
	assert_int_equal(count_of(&m.request_put), 1);
	assert_int_equal(count_of(&m.request_patch), 1);
	assert_int_equal(count_of(&m.request_post), 1);
	assert_int_equal(count_of(&m.request_delete), 1);
	assert_int_equal(count_of(&m.request_other), 0);
}

static void other_requests(void **state)
{
	(void)state;
	struct api_metrics m = {0};
	api_metric_request(&m, false, VERB_read, "GET", 1);
	api_metric_request(&m, true, VERB_purge, "POST", 1);
	api_metric_request(&m, true, VERB_read, "OPTIONS", 1);
	assert_int_equal(count_of(&m.request_other), 3);
	assert_int_equal(count_of(&m.request_read), 0);
}

static const struct metric_row *histogram_of(const char *labels)
{
	for (size_t i = 0; i < api_metric_count; i++) {
		if (strcmp(api_metric_rows[i].name, "sluice_request_seconds") ==
			0 &&
		    strcmp(api_metric_rows[i].labels, labels) == 0)
			return &api_metric_rows[i];
	}
	fail_msg("no row %s", labels);
	return NULL;
}

static void exemplars(void **state)
{
	(void)state;
	struct api_exemplars *sets[] = {
	    api_exemplars_new(), api_exemplars_new()};
	struct metric_exemplar seen = {"a", 70, 1000}, found;
	const struct metric_row *reads =
	    histogram_of("class=\"read\",method=\"GET\"");
	const struct metric_row *others =
	    histogram_of("class=\"other\",method=\"any\"");
	int bucket = metric_bucket(70);
	api_exemplars_note(sets[0], true, VERB_read, "HEAD", &seen);
	assert_true(api_exemplars_find(sets, 2, reads, bucket, &found));
	assert_string_equal(found.trace, "a");
	assert_false(api_exemplars_find(sets, 2, reads, bucket + 1, &found));
	assert_false(api_exemplars_find(sets, 2, others, bucket, &found));
	/* The newest one, of whichever thread. */
	seen = (struct metric_exemplar){"b", 71, 2000};
	api_exemplars_note(sets[1], true, VERB_read, "GET", &seen);
	seen = (struct metric_exemplar){"c", 72, 1500};
	api_exemplars_note(sets[0], true, VERB_read, "GET", &seen);
	assert_true(api_exemplars_find(sets, 2, reads, bucket, &found));
	assert_string_equal(found.trace, "b");
	/* Without a route. */
	api_exemplars_note(sets[0], false, VERB_read, "GET", &seen);
	assert_true(api_exemplars_find(sets, 2, others, bucket, &found));
	assert_string_equal(found.trace, "c");
	assert_false(
	    api_exemplars_find(sets, 2, &api_metric_rows[0], bucket, &found));
	api_exemplars_free(&sets[0]);
	api_exemplars_free(&sets[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(requests_by_class),
	    cmocka_unit_test(other_requests),
	    cmocka_unit_test(every_row),
	    cmocka_unit_test(exemplars),
	    cmocka_unit_test(names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
