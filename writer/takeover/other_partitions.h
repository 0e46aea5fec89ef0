/* Have the other partitions, of all writers, applied what the log had when it
 * was asked first? Then a write that was told as accepted, and that Postgres
 * refuses, does not wait for a row that one of them is still to write.
 */
#pragma once

#include "writer/context.h"

struct others;

/* Returns owned. */
struct others *others_new(struct context *x, int32_t partition);
/* Asks, unless it is asking; the answer is there some moments later. */
void others_ask(struct others *o);
bool others_are_there(const struct others *o);
/* NULL is fine. */
void others_free(struct others **o);
