/* Every guard of the protocol. What is true here is what the code does; spin
 * -DGUARD=false takes one out, and tests/model/run wants the violation found.
 */

/* --- common/log/follower.c --- */
#ifndef IGNORE_RULE
#define IGNORE_RULE true /* a record below the watermark is ignored */
#endif
#ifndef DROP_RULE
#define DROP_RULE true /* one older than one seen sets no entry */
#endif
#ifndef PAST_RULE
#define PAST_RULE true /* a mark never moves the watermark back */
#endif
#ifndef GAP_RULE
#define GAP_RULE true /* a mark that begins above it jumps */
#endif
#ifndef AFTER_RULE
#define AFTER_RULE true /* so does one whose batch began unheard: */
#endif
#ifndef START_RULE
#define START_RULE true /* before the offset that was begun at */
#endif
#ifndef HOLE_RULE
#define HOLE_RULE true /* or before a hole that compaction left */
#endif
#ifndef BASE_RULE
#define BASE_RULE true /* the base covers what was seen, too, */
#endif
#ifndef SEEN_RULE
#define SEEN_RULE true /* which a jump does not forget */
#endif

/* --- common/cache/l2_*.lua --- */
#ifndef FILL_REFUSAL
#define FILL_REFUSAL true /* FILL: not below the floor */
#endif
#ifndef FILL_INITIALISED
#define FILL_INITIALISED true /* FILL: not before somebody started it */
#endif
#ifndef APPLY_TURN
#define APPLY_TURN true /* APPLY: only on what this projector left there, or read */
#endif
#ifndef FLOOR_GROWS
#define FLOOR_GROWS true /* APPLY: a floor never falls, */
#endif
#ifndef BASE_STAYS
#define BASE_STAYS true /* not below the base either */
#endif
#ifndef KEPT_IS_NEWER
#define KEPT_IS_NEWER true /* APPLY: what it keeps, not deletes, is newer */
#endif
#ifndef START_FENCE
#define START_FENCE true /* START: only at the watermark that it replaces */
#endif
#ifndef BASE_FLOOR
#define BASE_FLOOR true /* START: leaves a floor for all keys */
#endif
#ifndef GENERATION
#define GENERATION true /* START: leaves no entry */
#endif

/* --- projector/apply/chunk.c --- */
#ifndef PART_STAYS
#define PART_STAYS true /* a part of a batch does not move the watermark */
#endif
#ifndef CURSOR_STAYS
#define CURSOR_STAYS true /* nor the cursor */
#endif
#ifndef CURSOR_RULE
#define CURSOR_RULE true /* which is `after` + 1, not behind the mark */
#endif

/* --- api/ --- */
#ifndef FLOOR_CHECK
#define FLOOR_CHECK true /* INV-1 */
#endif
#ifndef CLOSED_FLOORS
#define CLOSED_FLOORS true /* before the first mark: only the primary, */
#endif
#ifndef CLOSED_CHECK
#define CLOSED_CHECK true /* and nothing older than what was heard */
#endif
#ifndef ANEW_STOPS
#define ANEW_STOPS true /* a forged commit is found: nothing more is heard, */
#endif
#ifndef ANEW_APPLIED
#define ANEW_APPLIED true /* the floors cover what Postgres has applied then, */
#endif
#ifndef ANEW_DISCARDS
#define ANEW_DISCARDS true /* and nothing stays in L1 */
#endif
#ifndef L1_NEWER
#define L1_NEWER true /* no older value in the place of a newer one */
#endif
#ifndef L1_DROPS
#define L1_DROPS true /* a record that does not set an entry removes it */
#endif

/* --- writer/ --- */
#ifndef MARK_LAST
#define MARK_LAST true /* the mark stands behind its records */
#endif
#ifndef AFTER_IS_OLD
#define AFTER_IS_OLD true /* `after` is of before the first record */
#endif
#ifndef GAP
#define GAP true /* what a predecessor committed is announced: INV-5 */
#endif
#ifndef GAP_CHECK
#define GAP_CHECK true /* from rows that are as new as the gap */
#endif
#ifndef HIGHEST_MARK
#define HIGHEST_MARK true /* it begins at the highest mark, not the last */
#endif
