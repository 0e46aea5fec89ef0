#include "api/core/metrics.h"

#include "common/base/check.h"
#include "common/base/mem.h"
#include "common/schema/collection.h"

#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

const struct metric_row api_metric_rows[] = {
#define METRIC(kind, field, name, labels, help)                                \
	METRIC_ROW(struct api_metrics, kind, field, name, labels, help)
#include "api/core/metrics.def"
#undef METRIC
};
const size_t api_metric_count =
    sizeof api_metric_rows / sizeof api_metric_rows[0];

const struct metric_row collection_metric_rows[] = {
#define METRIC(kind, field, name, labels, help)                                \
	METRIC_ROW(struct collection_metrics, kind, field, name, labels, help)
#include "api/core/collection_metrics.def"
#undef METRIC
};
const size_t collection_metric_count =
    sizeof collection_metric_rows / sizeof collection_metric_rows[0];

static const char *collection_metric_name(size_t i)
{
	const struct collection *c = collection_at(i);
	return c ? c->name : NULL;
}

struct collection_metrics **collection_metrics_new(size_t threads)
{
	struct collection_metrics **sets = mem_zalloc(threads * sizeof *sets);
	for (size_t i = 0; i < threads; i++)
		sets[i] = mem_zalloc(COLLECTIONS_MAX * sizeof **sets);
	return sets;
}

void collection_metrics_free(struct collection_metrics **sets, size_t threads)
{
	for (size_t i = 0; i < threads; i++)
		free(sets[i]);
	free(sets);
}

struct metrics_each collection_metrics_each(
    struct collection_metrics *const *sets, size_t threads)
{
	return (struct metrics_each){
	    .rows = collection_metric_rows,
	    .nrows = collection_metric_count,
	    .instances = (const void *const *)sets,
	    .n = threads,
	    .size = sizeof **sets,
	    .name = collection_metric_name,
	};
}

int64_t api_metric_sum(const void *const *instances, size_t n, size_t offset)
{
	const struct metric_row row = {.offset = offset};
	return metrics_sum(&row, instances, n);
}

/* Most requests read, so this row comes first. */
static const struct {
	enum verb verb;
	const char *method;
	size_t offset;
} requests[] = {
    {VERB_read, "GET", offsetof(struct api_metrics, request_read)},
    {VERB_list, "GET", offsetof(struct api_metrics, request_list)},
    {VERB_changes, "GET", offsetof(struct api_metrics, request_changes)},
    {VERB_create, "POST", offsetof(struct api_metrics, request_create)},
    {VERB_update, "PUT", offsetof(struct api_metrics, request_put)},
    {VERB_update, "PATCH", offsetof(struct api_metrics, request_patch)},
    {VERB_update, "POST", offsetof(struct api_metrics, request_post)},
    {VERB_delete, "DELETE", offsetof(struct api_metrics, request_delete)},
};

enum { REQUESTS = sizeof requests / sizeof requests[0] };

/* The offset of the histogram that counts such requests. `*i`: its row above;
 * REQUESTS: sluice_request_seconds of the others. */
static size_t find_histogram(
    bool routed, enum verb verb, const char *method, size_t *i)
{
	if (strcmp(method, "HEAD") == 0)
		method = "GET";
	for (*i = 0; routed && *i < REQUESTS; ++*i) {
		if (requests[*i].verb == verb &&
		    strcmp(requests[*i].method, method) == 0)
			return requests[*i].offset;
	}
	*i = REQUESTS;
	return offsetof(struct api_metrics, request_other);
}

void api_metric_request(struct api_metrics *m, bool routed, enum verb verb,
    const char *method, dur_us_t took)
{
	size_t i;
	size_t offset = find_histogram(routed, verb, method, &i);
	metric_observe((struct metric_histogram *)((char *)m + offset), took);
}

/* --- exemplars ----------------------------------------------------------- */

/* Few requests are traced: a mutex costs nothing. */
struct api_exemplars {
	pthread_mutex_t lock;
	struct metric_exemplar of[REQUESTS + 1][METRIC_BUCKETS];
};

struct api_exemplars *api_exemplars_new(void)
{
	struct api_exemplars *x = MEM_NEW(struct api_exemplars);
	CHECK_OS(pthread_mutex_init(&x->lock, NULL));
	return x;
}

void api_exemplars_free(struct api_exemplars **x)
{
	if (*x)
		CHECK_OS(pthread_mutex_destroy(&(*x)->lock));
	free(*x);
	*x = NULL;
}

void api_exemplars_note(struct api_exemplars *x, bool routed, enum verb verb,
    const char *method, const struct metric_exemplar *seen)
{
	size_t i;
	find_histogram(routed, verb, method, &i);
	CHECK_OS(pthread_mutex_lock(&x->lock));
	x->of[i][metric_bucket(seen->us)] = *seen;
	CHECK_OS(pthread_mutex_unlock(&x->lock));
}

/* REQUESTS + 1: it is another metric. */
static size_t exemplars_row(const struct metric_row *row)
{
	for (size_t i = 0; i < REQUESTS; i++) {
		if (requests[i].offset == row->offset)
			return i;
	}
	return row->offset == offsetof(struct api_metrics, request_other)
		   ? REQUESTS
		   : REQUESTS + 1;
}

bool api_exemplars_find(struct api_exemplars *const *sets, size_t threads,
    const struct metric_row *row, int bucket, struct metric_exemplar *out)
{
	size_t at = exemplars_row(row);
	out->at = 0;
	for (size_t i = 0; at <= REQUESTS && i < threads; i++) {
		struct api_exemplars *x = sets[i];
		CHECK_OS(pthread_mutex_lock(&x->lock));
		if (x->of[at][bucket].at > out->at)
			*out = x->of[at][bucket];
		CHECK_OS(pthread_mutex_unlock(&x->lock));
	}
	return out->at > 0;
}
