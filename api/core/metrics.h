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

/* Of one collection. Each thread has an array of them, by the index of the
 * collection. */
struct collection_metrics {
#define METRIC(kind, field, name, labels, help) METRIC_FIELD_##kind(field)
#include "api/core/collection_metrics.def"
#undef METRIC
};

extern const struct metric_row collection_metric_rows[];
extern const size_t collection_metric_count;
extern const struct metric_row api_metric_rows[];
extern const size_t api_metric_count;

/* For so many threads; returns owned. */
struct collection_metrics **collection_metrics_new(size_t threads);
void collection_metrics_free(struct collection_metrics **sets, size_t threads);
/* What /metrics shows of them; borrows them. */
struct metrics_each collection_metrics_each(
    struct collection_metrics *const *sets, size_t threads);

/* The sum of one counter or gauge over all threads; `offset`: of its field. */
int64_t api_metric_sum(const void *const *instances, size_t n, size_t offset);

/* Counts a request in sluice_request_seconds: its answer is ready, `took` after
 * it came. `routed`: it has a route, which needs `verb`. On the thread that
 * owns the metrics. */
void api_metric_request(struct api_metrics *m, bool routed, enum verb verb,
    const char *method, dur_us_t took);

/* --- exemplars: the last traced request of each bucket -------------------- */

/* Of one thread, which notes them; any thread may read them. */
struct api_exemplars;

struct api_exemplars *api_exemplars_new(void);
void api_exemplars_free(struct api_exemplars **x);
/* The request that api_metric_request has counted was traced. */
void api_exemplars_note(struct api_exemplars *x, bool routed, enum verb verb,
    const char *method, const struct metric_exemplar *seen);
/* The newest one of the bucket, of so many threads. False: there is none, or
 * the row is not of sluice_request_seconds. */
bool api_exemplars_find(struct api_exemplars *const *sets, size_t threads,
    const struct metric_row *row, int bucket, struct metric_exemplar *out);
