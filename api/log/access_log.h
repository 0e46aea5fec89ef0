/* The access log and the slow log: a line for each request, when it ends
 * (settings log.access and log.slow). The thread of the request never waits for
 * the line (api/log/log_queue.h).
 */
#pragma once

#include "api/core/request.h"

/* Before there are requests: makes `instance` log them, if its settings say so.
 */
void access_log_start(struct instance *instance);
/* After the last request: writes the lines that wait. */
void access_log_stop(const struct instance *instance);
