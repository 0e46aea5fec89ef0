/* Checks before the writer takes work: the schema exists, and the schema, the
 * topics and the settings belong to the same log.
 */
#pragma once

#include "writer/core/context.h"

struct preflight;

/* FATAL: a check failed; the message says what to do. */
typedef void (*preflight_done)(void *arg, const struct err *e);

struct preflight *preflight_new(
    struct context *x, preflight_done done, void *arg);
/* What it waits for, for people; "": it is done. */
const char *preflight_waits_for(const struct preflight *s);
/* `done` is not called any more. */
void preflight_free(struct preflight **s);
