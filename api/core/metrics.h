/* The metrics of sluice-api as a struct, from api/core/metrics.def. Each thread
 * has one.
 */
#pragma once

#include "common/base/metrics.h"

struct api_metrics {
#define METRIC(kind, field, name, labels, help) METRIC_FIELD_##kind(field)
#include "api/core/metrics.def"
#undef METRIC
};

extern const struct metric_row api_metric_rows[];
extern const size_t api_metric_count;

/* The sum of one counter or gauge over all threads; `offset`: of its field. */
int64_t api_metric_sum(const void *const *instances, size_t n, size_t offset);
