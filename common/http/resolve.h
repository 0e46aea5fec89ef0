/* The address of a host name, asked off the loop: libuv has threads for it. */
#pragma once

#include "common/base/loop.h"

#include <sys/socket.h>

struct resolve;

/* `error` NULL: the first address, numeric, borrowed. Exactly once, from the
 * loop, unless it was cancelled. */
typedef void (*resolve_done)(void *arg, const char *address, const char *error);

/* Returns owned by itself: it is gone when `done` is called. NULL: it could not
 * be asked, `done` is not called. Borrows the name for the call. */
struct resolve *resolve_start(
    struct loop *l, const char *host, resolve_done done, void *arg);
/* Takes and clears; nobody is called any more. Harmless with NULL. */
void resolve_cancel(struct resolve **r);
