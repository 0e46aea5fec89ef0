/* The metrics of sluice-projector: one loop, one struct. */
#pragma once

#include "common/base/metrics.h"

struct stats {
#define METRIC(kind, field, name, labels, help) METRIC_FIELD_##kind(field)
#include "projector/core/metrics.def"
#undef METRIC
};

extern const struct metric_row stats_rows[];
extern const size_t stats_nrows;
