/* Which generated integer keys are taken, as sluice.ids tells (pure core).
 *
 * A record takes a range of a collection's ids. The ids belong to the record
 * that was there first: one that has an id in common with any record in front
 * of it takes nothing. The topic does not go back, as a sequence in Postgres
 * does at a failover, and all instances read the same order. So an instance may
 * give out the ids of its record once it has read it back, and never before.
 *
 * The first record of a collection takes all ids below it, too: others may have
 * been given out before there was this topic, or before it was made again.
 *
 * It is always safe to take more ids for taken than are: that only refuses
 * claims of this instance. So what was read is kept when the topic is read
 * anew, and there are at most ID_LOG_RANGES ranges, of which the gaps between
 * the lowest are given up.
 *
 * Any thread may call; one mutex.
 */
#pragma once

#include "common/base/clock.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ID_LOG_RANGES = 1024, ID_LOG_CLAIMS = 64 };

struct id_log;

struct id_range {
	int64_t first, end; /* the first one behind it */
};

/* For `n` collections, by their index. Returns owned. */
struct id_log *id_log_new(size_t n);
void id_log_free(struct id_log **l);

/* False: `range` has an id that is taken; *past is behind what takes it. */
bool id_log_is_free(
    struct id_log *l, size_t collection, struct id_range range, int64_t *past);

/* --- claims: ranges that this instance wants ------------------------------ */

/* Begins `n` claims; their records are to be appended after it. Returns the
 * number of the first; the others follow it. 0: more than ID_LOG_CLAIMS would
 * be open. */
uint64_t id_log_claim(
    struct id_log *l, size_t collection, size_t n, mono_us_t now);
/* Its record was not appended. *left: claims that are still open. */
void id_log_drop(
    struct id_log *l, size_t collection, uint64_t number, size_t *left);
/* If an open claim is older than `most`, all of the collection end. Their
 * records may still come: they take their ids, and nobody gives them out. */
bool id_log_give_up(
    struct id_log *l, size_t collection, dur_us_t most, mono_us_t now);

/* --- records -------------------------------------------------------------- */

enum id_log_heard {
	ID_LOG_OTHERS, /* of another instance, or of a claim that has ended */
	ID_LOG_MINE,   /* an open claim: its ids are this instance's */
	ID_LOG_LOST,   /* an open claim: others were first */
};

/* `number`: of this instance's claim; 0: it is another's record. *left: as
 * above. */
enum id_log_heard id_log_hear(struct id_log *l, size_t collection,
    struct id_range range, uint64_t number, size_t *left);

/* --- without Postgres ----------------------------------------------------- */

/* Postgres said that no row has an id of `rowless`, and has blocks of `block`.
 */
void id_log_told(struct id_log *l, size_t collection, struct id_range rowless,
    int64_t block);
/* Ids in a block; 0: it has not told. */
int64_t id_log_block(struct id_log *l, size_t collection);
/* `blocks` blocks from there that nobody has taken. False: none are known. */
bool id_log_next(
    struct id_log *l, size_t collection, unsigned blocks, struct id_range *out);
