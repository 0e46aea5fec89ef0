/* `--probe`: a daemon's command asks the admin listener of the running daemon
 * for its state. A container's HEALTHCHECK runs it, so the image needs no HTTP
 * client.
 *
 * Blocks; for the command line, not for a loop.
 */
#pragma once

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/err.h"

#include <stdbool.h>

/* GET http://`address`/`page` (`livez` or `readyz`); `tls`: https, whatever the
 * certificate: nothing secret is said to it. OK: the answer was 200
 * within `timeout`; RETRY: it was not. Appends the body of the answer to
 * `body`; that of /readyz says what is missing. FATAL: the address is not
 * valid. */
struct err healthcheck_ask(const char *address, bool tls, const char *page,
    dur_us_t timeout, struct buf *body);
