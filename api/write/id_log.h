/* Which generated integer keys are taken, according to sluice.ids (pure core).
 *
 * A record claims a range of a collection's ids. The ids belong to the first
 * record that claims them: a record that has an id in common with any record
 * before it gets nothing. Unlike a sequence in Postgres, the topic does not go
 * back at a failover, and all instances read it in the same order. So an
 * instance may give out the ids of its record once it has read the record back,
 * and never before.
 *
 * The first record of a collection takes all ids below it, too: they may have
 * been given out before this topic existed, or before it was made again.
 *
 * It is always safe to treat ids as taken that are not; that only refuses
 * claims of this instance. Therefore the ranges are kept when the topic is read
 * anew. And there are at most ID_LOG_RANGES ranges: beyond that, the gaps
 * between the lowest ranges count as taken.
 *
 * Any thread may call anything; one mutex.
 */
#pragma once

#include "common/base/clock.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ID_LOG_RANGES = 1024, ID_LOG_CLAIMS = 64 };

struct id_log;

struct id_range {
	int64_t first, end; /* one past the last id */
};

/* For `n` collections, by their index. Returns owned. */
struct id_log *id_log_new(size_t n);
void id_log_free(struct id_log **l);

/* False: an id of `range` is taken; *past is one past the range that has it. */
bool id_log_is_free(
    struct id_log *l, size_t collection, struct id_range range, int64_t *past);

/* --- claims: ranges that this instance wants ------------------------------ */

/* Begins `n` claims, before their records are appended. Returns the number of
 * the first claim; the others follow it. 0: more than ID_LOG_CLAIMS claims
 * would be open. */
uint64_t id_log_claim(
    struct id_log *l, size_t collection, size_t n, mono_us_t now);
/* Ends a claim whose record was not appended. *left: the claims that are still
 * open. */
void id_log_drop(
    struct id_log *l, size_t collection, uint64_t number, size_t *left);
/* If an open claim is older than `most`, ends all claims of the collection.
 * Their records may still come: they take their ids, which nobody gives out. */
bool id_log_give_up(
    struct id_log *l, size_t collection, dur_us_t most, mono_us_t now);

/* --- records -------------------------------------------------------------- */

enum id_log_heard {
	ID_LOG_OTHERS, /* of another instance, or of a claim that has ended */
	ID_LOG_MINE,   /* of an open claim: its ids belong to this instance */
	ID_LOG_LOST,   /* of an open claim: another record was first */
};

/* `number`: of this instance's claim; 0: the record is another's. *left: as
 * above. */
enum id_log_heard id_log_hear(struct id_log *l, size_t collection,
    struct id_range range, uint64_t number, size_t *left);

/* --- without Postgres ----------------------------------------------------- */

/* Postgres said that no row has an id of `rowless`, and that a block has
 * `block` ids.
 */
void id_log_told(struct id_log *l, size_t collection, struct id_range rowless,
    int64_t block);
/* Ids in a block; 0: Postgres has not answered yet. */
int64_t id_log_block(struct id_log *l, size_t collection);
/* Finds `blocks` blocks of rowless ids that nobody has taken. False: none are
 * known. */
bool id_log_next(
    struct id_log *l, size_t collection, unsigned blocks, struct id_range *out);
