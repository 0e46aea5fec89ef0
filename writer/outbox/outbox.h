/* Changes of rows by other programs: from sluice.outbox, where the triggers
 * note them (common/sql/bookkeeping_tables.sql), to touches in the log.
 *
 * Of all writers one does it: it holds an advisory lock. A note is deleted when
 * the log has its touch. A writer that dies between the two leaves the note,
 * and the touch is appended twice, which is harmless (docs/invariants.md,
 * INV-10).
 */
#pragma once

#include "writer/core/context.h"

struct outbox;

/* Begins when its own connection is ready. Returns owned. */
struct outbox *outbox_new(struct context *x);
/* What is under way is given up: its notes stay. NULL is fine. */
void outbox_free(struct outbox **o);
