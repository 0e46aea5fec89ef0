#include "projector/core/stats.h"

#define METRIC(kind, field, name, labels, help)                                \
	METRIC_ROW(struct stats, kind, field, name, labels, help)
const struct metric_row stats_rows[] = {
#include "projector/core/metrics.def"
};
#undef METRIC
const size_t stats_nrows = sizeof stats_rows / sizeof stats_rows[0];
