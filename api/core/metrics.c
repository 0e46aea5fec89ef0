#include "api/core/metrics.h"

#include "common/base/mem.h"
#include "common/schema/collection.h"

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
	size_t n = 0;
	while (collection_at(n))
		n++;
	for (size_t i = 0; i < threads; i++)
		sets[i] = mem_zalloc(n * sizeof **sets);
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

static struct metric_histogram *find_histogram(
    struct api_metrics *m, bool routed, enum verb verb, const char *method)
{
	if (strcmp(method, "HEAD") == 0)
		method = "GET";
	for (size_t i = 0; routed && i < sizeof requests / sizeof requests[0];
	     i++) {
		if (requests[i].verb == verb &&
		    strcmp(requests[i].method, method) == 0)
			return (struct metric_histogram *)((char *)m +
							   requests[i].offset);
	}
	return &m->request_other;
}

void api_metric_request(struct api_metrics *m, bool routed, enum verb verb,
    const char *method, dur_us_t took)
{
	metric_observe(find_histogram(m, routed, verb, method), took);
}
