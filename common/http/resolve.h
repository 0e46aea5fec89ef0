/* Resolves a host name on one of libuv's threads. */
#pragma once

#include "common/base/loop.h"

#include <sys/socket.h>

struct resolve;

/* `error` NULL: the first address, numeric, borrowed. Exactly once, from the
 * loop, unless it was cancelled. */
typedef void (*resolve_done)(void *arg, const char *address, const char *error);

/* The handle frees itself when `done` is called. NULL: it could not be asked,
 * and `done` is not called. Borrows the name for the call. */
struct resolve *resolve_start(
    struct loop *l, const char *host, resolve_done done, void *arg);
/* Takes and clears; `done` is not called any more. NULL is fine. */
void resolve_cancel(struct resolve **r);
