/* The id of an event of the change feed (pure core): how far a feed is in each
 * partition of sluice.commits, and the epoch of the log. Written as
 * `<epoch>.<watermark>-<offset>.…`. Clients treat it as opaque.
 */
#pragma once

#include "common/base/buf.h"
#include "common/log/version.h"

#include <stdbool.h>
#include <stdint.h>

/* The place in one partition. Everything below the watermark was sent. To
 * resume, read from the offset: one past `after` of the last mark
 * (common/log/follower.h).
 */
struct change_place {
	version_t watermark;
	int64_t offset;
};

enum change_id {
	CHANGE_ID_GOOD,
	CHANGE_ID_MALFORMED, /* not an id that Sluice wrote */
	CHANGE_ID_OTHER, /* of another epoch, or another number of partitions */
};

void change_id_write(struct buf *out, uint32_t epoch,
    const struct change_place *places, int32_t partitions);
/* Fills `places`, which has `partitions` elements. */
enum change_id change_id_parse(const char *s, uint32_t epoch,
    struct change_place *places, int32_t partitions);
