/* What must hold before the writer takes work: the schema is there, and it,
 * the topics and the settings speak of the same log.
 */
#pragma once

#include "writer/core/context.h"

struct preflight;

/* FATAL: they do not; the message says what to do. */
typedef void (*preflight_done)(void *arg, const struct err *e);

struct preflight *preflight_new(
    struct context *x, preflight_done done, void *arg);
/* What it waits for, for people; "" when it is done. */
const char *preflight_waits_for(const struct preflight *s);
/* `done` is not called any more. */
void preflight_free(struct preflight **s);
