#include "writer/core/stats.h"

#define METRIC(kind, field, name, labels, help)                                \
	METRIC_ROW(struct stats, kind, field, name, labels, help)
#define METRIC_RENAMED(kind, field, name, labels, now)                         \
	METRIC(kind, field, name, labels, METRIC_RENAMED_HELP(now))
const struct metric_row stats_rows[] = {
#include "writer/core/metrics.def"
};
#undef METRIC
const size_t stats_nrows = sizeof stats_rows / sizeof stats_rows[0];

const struct metric_row collection_stats_rows[] = {
#define METRIC(kind, field, name, labels, help)                                \
	METRIC_ROW(struct collection_stats, kind, field, name, labels, help)
#include "writer/core/collection_metrics.def"
#undef METRIC
};
const size_t collection_stats_nrows =
    sizeof collection_stats_rows / sizeof collection_stats_rows[0];

/* A moving average: each second weighs a fifth. */
int64_t stats_measure(struct stats *m, int64_t before)
{
	int64_t decided = metric_get(&m->applied) + metric_get(&m->rejected) +
			  metric_get(&m->replayed) + metric_get(&m->copies);
	int64_t rate = metric_get(&m->decided_rate);
	metric_set(&m->decided_rate, rate + (decided - before - rate) / 5);
	return decided;
}
