/* The metrics of sluice-api as a struct, from api/core/metrics.def. Each thread
 * has one.
 */
#pragma once

#include "common/access/verb.h"
#include "common/base/clock.h"
#include "common/base/metrics.h"

#include <stdbool.h>

struct api_metrics {
#define METRIC(kind, field, name, labels, help) METRIC_FIELD_##kind(field)
#include "api/core/metrics.def"
#undef METRIC
};

extern const struct metric_row api_metric_rows[];
extern const size_t api_metric_count;

/* The sum of one counter or gauge over all threads; `offset`: of its field. */
int64_t api_metric_sum(const void *const *instances, size_t n, size_t offset);

/* Counts a request in sluice_request_seconds: its answer is ready, `took` after
 * it came. `routed`: it has a route, which needs `verb`. On the thread that
 * owns the metrics. */
void api_metric_request(struct api_metrics *m, bool routed, enum verb verb,
    const char *method, dur_us_t took);
