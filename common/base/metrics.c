#include "common/base/metrics.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { FIRST_BOUND_US = 50 };

int metric_bucket(dur_us_t us)
{
	int i = 0;
	while (i < METRIC_BUCKETS - 1 && us > ((dur_us_t)FIRST_BOUND_US << i))
		i++;
	return i;
}

void metric_observe(struct metric_histogram *h, dur_us_t us)
{
	metric_add(&h->bucket[metric_bucket(us)], 1);
	metric_add(&h->sum_us, us);
}

static const void *metrics_at(const void *instance, size_t offset)
{
	return (const char *)instance + offset;
}

int64_t metrics_sum(
    const struct metric_row *row, const void *const *instances, size_t n)
{
	int64_t sum = 0;
	for (size_t i = 0; i < n; i++)
		sum += metric_get(metrics_at(instances[i], row->offset));
	return sum;
}

static void add_sample(struct buf *out, const struct metric_row *row,
    const char *suffix, const char *le)
{
	buf_printf(out, "%s%s", row->name, suffix);
	if (row->labels[0] == '\0' && le == NULL)
		return;
	buf_printf(out, "{%s%s%s%s%s}", row->labels,
	    row->labels[0] && le ? "," : "", le ? "le=\"" : "", le ? le : "",
	    le ? "\"" : "");
}

/* OpenMetrics 1.0.0, "Exemplars". */
static void add_exemplar(struct buf *out, const struct metrics_open *open,
    const struct metric_row *row, int bucket)
{
	struct metric_exemplar x;
	if (open && open->exemplar &&
	    open->exemplar(open->arg, row, bucket, &x))
		buf_printf(out, " # {trace_id=\"%s\"} %.6f %.3f", x.trace,
		    (double)x.us / 1e6, (double)x.at / 1e6);
}

static void add_histogram(struct buf *out, const struct metrics_open *open,
    const struct metric_row *row, const void *const *instances, size_t n)
{
	int64_t total = 0, sum_us = 0;
	for (int b = 0; b < METRIC_BUCKETS; b++) {
		for (size_t i = 0; i < n; i++) {
			const struct metric_histogram *h =
			    metrics_at(instances[i], row->offset);
			total += metric_get(&h->bucket[b]);
		}
		char le[32] = "+Inf";
		if (b < METRIC_BUCKETS - 1)
			snprintf(le, sizeof le, "%g",
			    (double)((int64_t)FIRST_BOUND_US << b) / 1e6);
		add_sample(out, row, "_bucket", le);
		buf_printf(out, " %" PRId64, total);
		add_exemplar(out, open, row, b);
		buf_char(out, '\n');
	}
	for (size_t i = 0; i < n; i++) {
		const struct metric_histogram *h =
		    metrics_at(instances[i], row->offset);
		sum_us += metric_get(&h->sum_us);
	}
	add_sample(out, row, "_sum", NULL);
	buf_printf(out, " %.6f\n", (double)sum_us / 1e6);
	add_sample(out, row, "_count", NULL);
	buf_printf(out, " %" PRId64 "\n", total);
}

static const char *const kind_names[] = {
    [METRIC_COUNTER] = "counter",
    [METRIC_GAUGE] = "gauge",
    [METRIC_SECONDS] = "gauge",
    [METRIC_COUNTER_SECONDS] = "counter",
    [METRIC_HISTOGRAM] = "histogram",
};

/* In OpenMetrics, the family of a counter has no `_total`, and a text escapes
 * its quotes. */
static void add_family(struct buf *out, const struct metrics_open *open,
    const struct metric_row *row)
{
	const char *kind = kind_names[row->kind];
	size_t len = strlen(row->name), total = strlen("_total");
	bool counter = strcmp(kind, "counter") == 0;
	bool named =
	    len > total && strcmp(row->name + len - total, "_total") == 0;
	if (open && counter && named)
		len -= total;
	else if (open && counter)
		kind = "unknown";
	buf_printf(out, "# HELP %.*s ", (int)len, row->name);
	for (const char *s = row->help; *s; s++)
		buf_printf(out, "%s%c", open && *s == '"' ? "\\" : "", *s);
	buf_printf(out, "\n# TYPE %.*s %s\n", (int)len, row->name, kind);
}

static void metrics_add_row(struct buf *out, const struct metrics_open *open,
    const struct metric_row *row, const void *const *instances, size_t n,
    bool first)
{
	if (first)
		add_family(out, open, row);
	if (row->kind == METRIC_HISTOGRAM) {
		add_histogram(out, open, row, instances, n);
		return;
	}
	add_sample(out, row, "", NULL);
	int64_t sum = metrics_sum(row, instances, n);
	if (row->kind == METRIC_SECONDS || row->kind == METRIC_COUNTER_SECONDS)
		buf_printf(out, " %.6f\n", (double)sum / 1e6);
	else
		buf_printf(out, " %" PRId64 "\n", sum);
}

void metrics_render(struct buf *out, const struct metrics_open *open,
    const struct metric_row *rows, size_t nrows, const void *const *instances,
    size_t n)
{
	const char *last = "";
	for (size_t i = 0; i < nrows; i++) {
		/* The rows of one family are adjacent in the .def. */
		bool first = strcmp(last, rows[i].name) != 0;
		metrics_add_row(out, open, &rows[i], instances, n, first);
		last = rows[i].name;
	}
}

static void metrics_add_each(struct buf *out, const struct metrics_open *open,
    const struct metrics_each *e, const struct metric_row *row, bool first)
{
	struct buf labels = {0};
	const char *rest = strchr(row->labels, '"') + 1;
	const char *name;
	for (size_t i = 0; (name = e->name(i)) != NULL; i++) {
		struct metric_row one = *row;
		buf_clear(&labels);
		buf_add(&labels, row->labels, (size_t)(rest - row->labels));
		buf_printf(&labels, "%s%s", name, rest);
		one.labels = labels.data;
		one.offset += i * e->size;
		metrics_add_row(
		    out, open, &one, e->instances, e->n, first && i == 0);
	}
	buf_free(&labels);
}

void metrics_render_each(struct buf *out, const struct metrics_open *open,
    const struct metrics_each *e)
{
	const char *last = "";
	for (size_t i = 0; i < e->nrows; i++) {
		metrics_add_each(out, open, e, &e->rows[i],
		    strcmp(last, e->rows[i].name) != 0);
		last = e->rows[i].name;
	}
}

void metrics_print_docs(const struct metric_row *rows, size_t nrows)
{
	printf("| metric | kind | labels | what it counts |\n"
	       "|---|---|---|---|\n");
	metrics_print_rows(rows, nrows);
}

void metrics_print_rows(const struct metric_row *rows, size_t nrows)
{
	for (size_t i = 0; i < nrows; i++)
		printf("| `%s` | %s | %s%s%s | %s |\n", rows[i].name,
		    kind_names[rows[i].kind], rows[i].labels[0] ? "`" : "",
		    rows[i].labels, rows[i].labels[0] ? "`" : "", rows[i].help);
}
