/* Metrics, declared in one .def per daemon.
 *
 *   METRIC(kind, field, "name", "labels", "help")
 *
 * kind COUNTER, GAUGE, SECONDS (a gauge) or COUNTER_SECONDS, both set in
 * microseconds, or HISTOGRAM (seconds). From it come the struct, the
 * Prometheus text (exposition format 0.0.4), OpenMetrics 1.0.0, which has
 * exemplars, too, and docs/metrics.md. Each thread
 * has a struct of its own and is its only writer; a scrape sums them, so an
 * increment costs a plain add.
 *
 *   METRIC_RENAMED(kind, field, "former name", "labels", "name")
 *
 * prints the same field under the former name, too. Such a row stays for one
 * release. A .def with such rows ignores them, unless the includer defines what
 * to make of them (writer/core/stats.c).
 */
#pragma once

#include "common/base/buf.h"
#include "common/base/clock.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum metric_kind {
	METRIC_COUNTER,
	METRIC_GAUGE,
	METRIC_SECONDS,
	METRIC_COUNTER_SECONDS,
	METRIC_HISTOGRAM
};

/* Upper bounds: 50 us << i; the last bucket is +Inf. */
enum { METRIC_BUCKETS = 20 };

typedef _Atomic int64_t metric_t;

struct metric_histogram {
	metric_t bucket[METRIC_BUCKETS];
	metric_t sum_us;
};

#define METRIC_FIELD_COUNTER(field) metric_t field;
#define METRIC_FIELD_GAUGE(field) metric_t field;
#define METRIC_FIELD_SECONDS(field) metric_t field;
#define METRIC_FIELD_COUNTER_SECONDS(field) metric_t field;
#define METRIC_FIELD_HISTOGRAM(field) struct metric_histogram field;

struct metric_row {
	enum metric_kind kind;
	const char *name;
	const char *labels; /* `tier="l1"` or "" */
	const char *help;
	size_t offset;
};

#define METRIC_ROW(type, kind, field, name, labels, help)                      \
	{METRIC_##kind, name, labels, help, offsetof(type, field)},

#define METRIC_RENAMED_HELP(now)                                               \
	"Deprecated, until the next release: the former name of " now "."

/* Only the owning thread calls these. */
static inline void metric_add(metric_t *m, int64_t n)
{
	int64_t v = atomic_load_explicit(m, memory_order_relaxed);
	atomic_store_explicit(m, v + n, memory_order_relaxed);
}

static inline void metric_set(metric_t *m, int64_t v)
{
	atomic_store_explicit(m, v, memory_order_relaxed);
}

static inline int64_t metric_get(const metric_t *m)
{
	return atomic_load_explicit((metric_t *)m, memory_order_relaxed);
}

void metric_observe(struct metric_histogram *h, dur_us_t us);
/* The bucket that counts it. */
int metric_bucket(dur_us_t us);

/* An observation of a bucket that was traced. */
struct metric_exemplar {
	char trace[33]; /* the id of the trace, hexadecimal */
	dur_us_t us;
	wall_us_t at; /* 0: there is none */
};

/* How metrics are written. NULL: as the Prometheus text. */
struct metrics_open {
	/* Sets *out; false: the bucket has none. May be NULL. */
	bool (*exemplar)(void *arg, const struct metric_row *row, int bucket,
	    struct metric_exemplar *out);
	void *arg;
};

/* Sums the field of one row over the instances (not for histograms). */
int64_t metrics_sum(
    const struct metric_row *row, const void *const *instances, size_t n);
/* Appends their text. `open`: as OpenMetrics, without the `# EOF` that ends it;
 * NULL: as the Prometheus text. */
void metrics_render(struct buf *out, const struct metrics_open *open,
    const struct metric_row *rows, size_t nrows, const void *const *instances,
    size_t n);
/* Metrics that each of several things has, as every collection does. An
 * instance is an array of structs of `size` bytes, one for each thing. The
 * labels of a row begin with `name=""`, which gets the name of the thing; it
 * needs no escaping. */
struct metrics_each {
	const struct metric_row *rows;
	size_t nrows;
	const void *const *instances;
	size_t n;
	size_t size;
	const char *(*name)(size_t i); /* NULL: there is no such thing */
};
/* Appends their text. `open`: as above. */
void metrics_render_each(struct buf *out, const struct metrics_open *open,
    const struct metrics_each *e);
/* The table of docs/metrics.md: its head and these rows, or only these rows. */
void metrics_print_docs(const struct metric_row *rows, size_t nrows);
void metrics_print_rows(const struct metric_row *rows, size_t nrows);
