/* How far the touches may be ahead of Postgres (pure core).
 *
 * The writes of clients wait in the log behind the touches that came before
 * them. So a statement that changes a million rows must not become a million
 * records at once: its notes wait in sluice.outbox instead. The touches are
 * counted in windows. The one after next is not begun before Postgres has
 * applied the first one.
 */
#pragma once

#include "common/log/version.h"

struct pace;

/* `window`: touches. Returns owned. */
struct pace *pace_new(size_t partitions, size_t window);
void pace_free(struct pace **p);
/* The log has a touch. */
void pace_told(struct pace *p, struct position at);
/* Is the window full? Then it is to be ended, as soon as pace_applied() says of
 * every partition that the window before is applied. */
bool pace_due(const struct pace *p);
/* `at.version` is Postgres's watermark of the partition. A partition that there
 * is not counts as applied. */
bool pace_applied(const struct pace *p, struct position at);
/* Ends the window. */
void pace_turn(struct pace *p);
