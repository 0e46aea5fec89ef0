#include "api/core/metrics.h"

#include <stddef.h>
#include <string.h>

const struct metric_row api_metric_rows[] = {
#define METRIC(kind, field, name, labels, help)                                \
	METRIC_ROW(struct api_metrics, kind, field, name, labels, help)
#include "api/core/metrics.def"
#undef METRIC
};
const size_t api_metric_count =
    sizeof api_metric_rows / sizeof api_metric_rows[0];

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
