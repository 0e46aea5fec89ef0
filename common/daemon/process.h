/* Metrics of the process and of its build (common/daemon/process.def). */
#pragma once

#include "common/base/buf.h"
#include "common/base/metrics.h"

/* Call it when the daemon starts: from then on it has its start time. */
void process_started(void);
/* Appends their text, as of now (`open`: common/base/metrics.h). On the thread
 * of the admin listener. */
void process_metrics(struct buf *out, const struct metrics_open *open);
/* Prints the rows of the table in docs/metrics.md. */
void process_print_docs(void);
