/* Metrics of the process and of its build (common/daemon/process.def). */
#pragma once

#include "common/base/buf.h"

/* Call it when the daemon starts: from then on it has its start time. */
void process_started(void);
/* Appends the Prometheus text, as of now. On the thread of the admin listener.
 */
void process_metrics(struct buf *out);
/* Prints the rows of the table in docs/metrics.md. */
void process_print_docs(void);
