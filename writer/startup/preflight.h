/* What must hold before the writer takes work: the schema is there, and it,
 * the topics and the settings speak of the same log.
 */
#pragma once

#include "writer/context.h"

struct start;

/* FATAL: they do not; the message says what to do. */
typedef void (*start_done)(void *arg, const struct err *e);

struct start *start_new(struct context *x, start_done done, void *arg);
/* What it waits for, for people; "" when it is done. */
const char *start_waits_for(const struct start *s);
/* `done` is not called any more. */
void start_free(struct start **s);
