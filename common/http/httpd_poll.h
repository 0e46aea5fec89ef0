/* A libmicrohttpd daemon in external-epoll mode, run by a loop.
 *
 * MHD_run is called when its epoll descriptor is readable, when its timeout is
 * over, and once per loop turn after httpd_poll_again (from a uv_check and a
 * uv_prepare handle: before the loop blocks again, whatever phase the call came
 * from).
 */
#pragma once

#include "common/base/loop.h"

#include <microhttpd.h>

struct httpd_poll;

/* Borrows the daemon. */
struct httpd_poll *httpd_poll_new(struct loop *loop, struct MHD_Daemon *mhd);
/* Runs it soon, for work that its descriptor does not show: a connection was
 * resumed. NULL: it does not run any more. */
void httpd_poll_again(struct httpd_poll *p);
/* To be called before the daemon is stopped. */
void httpd_poll_free(struct httpd_poll **p);
