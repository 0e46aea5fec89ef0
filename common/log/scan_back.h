/* How far before the end of a partition of sluice.commits the search for a mark
 * begins (pure core).
 *
 * The first reach is short, because every batch ends with a mark. A consumer
 * that reaches the end and has found no mark takes the next reach, which is
 * longer. The last one is the whole partition.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { SCAN_BACK_FIRST = 0, SCAN_BACK_WHOLE = 3 };

/* The offset to ask Kafka for. */
int64_t scan_back_offset(int reach);
/* Does this reach cover the whole partition, which ends at `end`? */
bool scan_back_is_whole(int reach, int64_t end);
