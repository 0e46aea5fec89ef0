/* The id of an event of the change feed (pure core): how far each partition of
 * sluice.commits was told, in the log of an epoch. Written
 * `<epoch>.<watermark>-<offset>.…`; clients take it as it is.
 */
#pragma once

#include "common/base/buf.h"
#include "common/log/version.h"

#include <stdbool.h>
#include <stdint.h>

/* Of one partition: everything below the watermark was told; who goes on reads
 * from the offset (common/log/follower.h: one behind `after` of the last mark).
 */
struct change_place {
	version_t watermark;
	int64_t offset;
};

enum change_id {
	CHANGE_ID_GOOD,
	CHANGE_ID_MALFORMED, /* Sluice has not made it */
	CHANGE_ID_OTHER,     /* of another epoch, or number of partitions */
};

void change_id_write(struct buf *out, uint32_t epoch,
    const struct change_place *places, int32_t partitions);
/* Fills `places`, of so many partitions. */
enum change_id change_id_parse(const char *s, uint32_t epoch,
    struct change_place *places, int32_t partitions);
