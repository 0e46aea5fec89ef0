/* How far before its end a partition of sluice.commits is read, where nothing
 * tells where to begin, so that a mark is found (pure core).
 *
 * The first reach is short, since a mark ends every batch; whoever reaches the
 * end and has found none takes the next, up to the whole partition.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { SCAN_BACK_FIRST = 0, SCAN_BACK_WHOLE = 3 };

/* The offset to ask Kafka for. */
int64_t scan_back_offset(int reach);
/* Was it all of a partition that ends there? */
bool scan_back_is_whole(int reach, int64_t end);
