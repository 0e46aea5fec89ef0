#include "api/core/metrics.h"

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
