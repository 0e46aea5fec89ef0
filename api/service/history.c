/* The thread that samples adds points, and the threads of requests read them: a
 * lock, which is held for microseconds.
 */
#include "api/service/history.h"

#include "common/base/check.h"
#include "common/base/mem.h"

#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { FIELDS = 4, FIRST_BOUND_US = 50 };

enum kind { RATE, LEVEL, P50, P99 };

/* Places are counted from 1: 0 ends them. */
#define METRIC(field) (offsetof(struct history_totals, metrics.field) + 1)
#define LOG(field) (offsetof(struct history_totals, log.field) + 1)
static const struct series {
	const char *name;
	enum kind kind;
	size_t places[FIELDS + 1];
} all[] = {
#define SERIES(name, kind, ...) {name, kind, {__VA_ARGS__}},
#include "api/service/history.def"
#undef SERIES
};
#undef METRIC
#undef LOG

enum { SERIES = sizeof all / sizeof all[0] };

struct point {
	wall_us_t wall;
	float values[SERIES]; /* NAN: unknown, or nothing happened */
};

struct history {
	struct history_totals last;
	mono_us_t last_at; /* 0: there is none */
	pthread_mutex_t lock;
	size_t next; /* under lock: points ever added */
	struct point points[HISTORY_POINTS];
};

/* --- one value ----------------------------------------------------------- */

static const void *history_place(const struct history_totals *t, size_t place)
{
	return (const char *)t + place - 1;
}

static int64_t total(const struct history_totals *t, const struct series *s)
{
	int64_t sum = 0;
	for (const size_t *p = s->places; *p; p++)
		sum += metric_get(history_place(t, *p));
	return sum;
}

/* A counter that goes back has begun anew. */
static double rate(const struct history_totals *from,
    const struct history_totals *to, const struct series *s, dur_us_t took)
{
	int64_t grown = total(to, s) - total(from, s);
	if (total(from, s) < 0 || total(to, s) < 0 || took <= 0)
		return NAN;
	return grown > 0 ? (double)grown * 1e6 / (double)took : 0;
}

/* The value below which `part` of what the histograms got lies, in
 * milliseconds: within its bucket, as if all values of the bucket lay evenly
 * in it. The last bucket has no upper end, so its lower one counts. */
static double quantile(const struct history_totals *from,
    const struct history_totals *to, const struct series *s, double part)
{
	int64_t counts[METRIC_BUCKETS] = {0}, sum = 0;
	for (const size_t *p = s->places; *p; p++) {
		const struct metric_histogram *a = history_place(from, *p);
		const struct metric_histogram *b = history_place(to, *p);
		for (int i = 0; i < METRIC_BUCKETS; i++)
			counts[i] += metric_get(&b->bucket[i]) -
				     metric_get(&a->bucket[i]);
	}
	for (int i = 0; i < METRIC_BUCKETS; i++)
		sum += counts[i];
	if (sum <= 0)
		return NAN;
	double wanted = part * (double)sum;
	int i = 0;
	while (i < METRIC_BUCKETS - 1 && wanted > (double)counts[i])
		wanted -= (double)counts[i++];
	double upper = (double)((int64_t)FIRST_BOUND_US << i) / 1e3;
	double lower = i ? upper / 2 : 0;
	if (i == METRIC_BUCKETS - 1 || counts[i] == 0)
		return lower;
	return lower + (upper - lower) * wanted / (double)counts[i];
}

static double history_value(const struct history_totals *from,
    const struct history_totals *to, const struct series *s, dur_us_t took)
{
	switch (s->kind) {
	case RATE:
		return rate(from, to, s, took);
	case LEVEL:
		return total(to, s) < 0 ? NAN : (double)total(to, s);
	case P50:
		return quantile(from, to, s, 0.50);
	case P99:
		return quantile(from, to, s, 0.99);
	}
	UNREACHABLE("kind of a series");
}

/* --- the ring ------------------------------------------------------------ */

struct history *history_new(void)
{
	struct history *h = MEM_NEW(struct history);
	CHECK_OS(pthread_mutex_init(&h->lock, NULL));
	return h;
}

void history_free(struct history **h)
{
	if (*h == NULL)
		return;
	pthread_mutex_destroy(&(*h)->lock);
	free(*h);
	*h = NULL;
}

void history_sum(struct api_metrics *sums, const struct api_metrics *one)
{
	/* Every kind of metric is one or more metric_t. */
	metric_t *to = (metric_t *)sums;
	const metric_t *from = (const metric_t *)one;
	for (size_t i = 0; i < sizeof *sums / sizeof *to; i++)
		metric_add(&to[i], metric_get(&from[i]));
}

void history_add(struct history *h, const struct history_totals *totals,
    wall_us_t wall, mono_us_t now)
{
	struct point made = {.wall = wall};
	for (size_t i = 0; h->last_at && i < SERIES; i++)
		made.values[i] = (float)history_value(
		    &h->last, totals, &all[i], now - h->last_at);
	pthread_mutex_lock(&h->lock);
	if (h->last_at)
		h->points[h->next++ % HISTORY_POINTS] = made;
	pthread_mutex_unlock(&h->lock);
	memcpy(&h->last, totals, sizeof *totals);
	h->last_at = now;
}

/* --- as JSON ------------------------------------------------------------- */

static void write_value(struct buf *out, double v)
{
	if (isnan(v))
		buf_str(out, "null");
	else
		buf_printf(out, "%.4g", v);
}

void history_write(struct history *h, wall_us_t after, struct buf *out)
{
	pthread_mutex_lock(&h->lock);
	size_t end = h->next;
	size_t from = end > HISTORY_POINTS ? end - HISTORY_POINTS : 0;
	while (from < end && h->points[from % HISTORY_POINTS].wall <= after)
		from++;
	buf_str(out, "\"times\":[");
	for (size_t i = from; i < end; i++)
		buf_printf(out, "%s%" PRId64, i > from ? "," : "",
		    h->points[i % HISTORY_POINTS].wall / 1000);
	buf_str(out, "],\"series\":{");
	for (size_t s = 0; s < SERIES; s++) {
		buf_printf(out, "%s\"%s\":[", s ? "," : "", all[s].name);
		for (size_t i = from; i < end; i++) {
			buf_str(out, i > from ? "," : "");
			write_value(
			    out, h->points[i % HISTORY_POINTS].values[s]);
		}
		buf_char(out, ']');
	}
	buf_char(out, '}');
	pthread_mutex_unlock(&h->lock);
}
