/* A daemon asks its own admin listener how it is: `--probe`, what a container's
 * HEALTHCHECK runs, without a client program in the image.
 *
 * Blocks; for the command line, not for a loop.
 */
#pragma once

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/err.h"

/* GET http://`address`/`page` (`livez` or `readyz`). OK: it was answered 200
 * within `timeout`; RETRY: it was not. The answer's body is appended to `body`:
 * /readyz says there what is missing. FATAL: the address cannot be asked. */
struct err healthcheck_ask(
    const char *address, const char *page, dur_us_t timeout, struct buf *body);
