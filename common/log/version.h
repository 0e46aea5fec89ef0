/* Versions and positions.
 *
 * A version is the place of a write in its partition of sluice.writes:
 * epoch << 48 | offset. The epoch begins at 0, or at 1 if a table of a
 * collection was there before Sluice: its rows have version 0. It grows when an
 * operator moves to a new log, so that versions only ever grow, whatever
 * happens to Kafka's offsets.
 * Watermarks are versions too: "the next version not applied".
 *
 * A position is a version with its partition, written `3-1042`.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint64_t version_t;

/* Postgres's bigint is signed: 15 bits of epoch, 48 of offset. */
#define VERSION_MAX ((version_t)INT64_MAX)
#define VERSION_EPOCH_MAX 32767
#define VERSION_HEX_LEN 16
#define POSITION_MAX_LEN 32

struct position {
	int32_t partition;
	version_t version;
};

version_t version_make(uint32_t epoch, int64_t offset);
uint32_t version_epoch(version_t v);
int64_t version_offset(version_t v);

/* Fixed-width lower-case hex, so that strings compare as numbers do (Redis's
 * Lua has only doubles). `out` gets 16 digits and a NUL. */
void version_to_hex(version_t v, char out[VERSION_HEX_LEN + 1]);
/* False when the 16 bytes are not such a number, or above VERSION_MAX. */
bool version_from_hex(const char *hex, version_t *out);
/* Decimal, as in an ETag or a Kafka header; whole input or false. Only the
 * canonical spelling: no sign, no leading zeros. */
bool version_parse(const char *s, size_t len, version_t *out);

/* Writes `3-1042` and a NUL; returns its length. */
size_t position_format(struct position p, char out[POSITION_MAX_LEN]);
/* Whole input or false. Does not know how many partitions there are. */
bool position_parse(const char *s, size_t len, struct position *out);
