/* The metrics of sluice-writer: one loop, one struct. */
#pragma once

#include "common/base/metrics.h"

struct stats {
#define METRIC(kind, field, name, labels, help) METRIC_FIELD_##kind(field)
#include "writer/core/metrics.def"
#undef METRIC
};

/* Of one collection. */
struct collection_stats {
#define METRIC(kind, field, name, labels, help) METRIC_FIELD_##kind(field)
#include "writer/core/collection_metrics.def"
#undef METRIC
};

extern const struct metric_row collection_stats_rows[];
extern const size_t collection_stats_nrows;
extern const struct metric_row stats_rows[];
extern const size_t stats_nrows;

/* Once a second, with what it returned the last time: sets decided_rate. */
int64_t stats_measure(struct stats *m, int64_t before);
