/* The request as libmicrohttpd drives it: begins with its head, takes its body,
 * runs step by step, and ends. */
#pragma once

#include "api/core/request.h"

extern const struct httpd_ops exchange_ops; /* arg: struct thread */
