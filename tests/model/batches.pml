/* Batches: one transaction for the writes of several partitions
 * (writer/batch/batch.c).
 *
 * Two writers apply a few partitions. A batch has a slice of each of some
 * partitions. A slice moves the watermark of its partition from `from` to `to`.
 * The fence moves all watermarks, or the transaction fails.
 *
 * Between any two steps, a writer may die, and a partition may go to the other
 * writer. The former writer finds that out later, and goes on until then. A
 * connection may be lost: the transaction is executed before the writer looks
 * at the watermarks, or after that, or never.
 *
 * A poisoned write is one that Postgres rejects, with the whole transaction. A
 * write may also be stuck: Postgres answers with an error that is no rejection
 * (the row is locked) until all other partitions are done.
 *
 * What is asserted:
 *   INV-3     each write is decided once, and in the order of the log
 *   INV-5     all that is committed is announced, and nothing else is
 *   INV-7     a write is rejected iff it is poisoned
 *   PROGRESS  at the end everything is decided. Another partition's trouble
 *             holds a partition up at most once between two of its commits.
 */

/* What is true here is what the code does (tests/model/guards.pml). */
#ifndef FENCE_ALL
#define FENCE_ALL true /* the fence moves all watermarks or none */
#endif
#ifndef FENCE_LOOKS
#define FENCE_LOOKS true /* after the fence failed, the watermarks are read */
#endif
#ifndef LOST_LOOKS
#define LOST_LOOKS true /* so they are after the answer was lost */
#endif
#ifndef JUDGE_EACH
#define JUDGE_EACH true /* each slice is judged by its own watermark */
#endif
#ifndef TAKE_RECOVERED
#define TAKE_RECOVERED true /* one whose answer was lost is taken again */
#endif
#ifndef TAKE_FENCED
#define TAKE_FENCED true /* and one that another writer moved */
#endif
#ifndef TRIAL
#define TRIAL true /* only writes that fail by themselves are refused, */
#endif
#ifndef SMALLER
#define SMALLER true /* or one that fails as a batch of its own */
#endif
#ifndef AS_SENT
#define AS_SENT true /* alone, and also when it was sent */
#endif
#ifndef DISSOLVE
#define DISSOLVE true /* several partitions do not wait for one of them */
#endif
#ifndef ALONE
#define ALONE true /* a partition of a dissolved batch goes alone */
#endif
#ifndef APART
#define APART true /* a batch that waits does not count as in flight */
#endif
#ifndef AFTER_COMMIT
#define AFTER_COMMIT true /* a batch is announced when it is committed, */
#endif
#ifndef ANNOUNCE_ALL
#define ANNOUNCE_ALL true /* every slice of it, */
#endif
#ifndef ANNOUNCE_GIVEN
#define ANNOUNCE_GIVEN true /* also of a partition that was given away */
#endif
#ifndef GAP_OF_EACH
#define GAP_OF_EACH true /* a takeover announces the gap of each partition */
#endif

#ifndef PARTITIONS
#define PARTITIONS 2 /* at most 3 */
#endif
#ifndef WRITES
#define WRITES 2 /* of each partition */
#endif
#ifndef POISONED
#define POISONED 1 /* writes, at most */
#endif
#ifndef STUCK
#define STUCK 0 /* partitions, the last ones, whose first write is stuck */
#endif
#ifndef CRASHES
#define CRASHES 0
#endif
#ifndef LOST
#define LOST 0 /* answers */
#endif
#ifndef MOVES
#define MOVES 0 /* of a partition to the other writer */
#endif
#ifndef UNDELIVERED
#define UNDELIVERED 0 /* announcements */
#endif
#define IN_FLIGHT 2 /* batches of a writer, but for those that wait */

#define BIT(v) (1 << (v))
#define BELOW(v) (BIT(v) - 1)
#define RANGE(s) (BELOW(s.to) - BELOW(s.from))
#define IS(s) (s.to > 0)
#define MAX(a, b) ((a) > (b) -> (a) : (b))

typedef Slice {
	byte from;
	byte to; /* 0: the batch has no slice of the partition */
	bool owned; /* the partition is still the one that gave it */
	byte refused /* writes, as bits */
};

#define FREE 0
#define SENT 1
#define COMMITTED 2 /* to be announced */
#define CHECK 3 /* the watermarks are to be read */

typedef Batch {
	byte state;
	bool waits; /* it failed, and is sent again later */
	bool fenced; /* and no slice has left since */
	bool announced; /* a slice; only if not all are */
	Slice slice[PARTITIONS]
};

#define NOT_MINE 0
#define TAKING 1 /* its watermark is to be read */
#define GAP 2 /* its gap is to be announced */
#define FILLING 3
#define BATCHED 4 /* it is in a batch */

typedef Partition {
	byte state;
	byte watermark; /* while it is in no batch */
	bool alone;
	bool small; /* the next batch has one write */
	byte refused
};

/* Postgres. */
byte at[PARTITIONS]; /* sluice.progress */
byte decided[PARTITIONS]; /* writes, as bits */
byte bad[PARTITIONS]; /* the poisoned ones */
Batch late; /* one whose connection was lost */

/* sluice.commits. */
byte marked[PARTITIONS]; /* writes that a mark covers */
byte mark[PARTITIONS]; /* the end of the highest mark */

/* The group. */
byte owner[PARTITIONS];
byte assigned[2]; /* what the writer has not heard of yet, as bits */

byte crashes, lost, moves, undelivered; /* that may still happen */

/* --- Postgres ------------------------------------------------------------- */

#define HEALTHY_IS_DONE(p) ((p) >= PARTITIONS - STUCK || at[p] == WRITES)
#define IS_STUCK(s, p) ((p) >= PARTITIONS - STUCK && IS(s[p]) && \
	s[p].from == 0 && !STUCK_IS_OVER)
#if PARTITIONS > 2
#define STUCK_IS_OVER \
	(HEALTHY_IS_DONE(0) && HEALTHY_IS_DONE(1) && HEALTHY_IS_DONE(2))
#define FAILS(s) (IS_STUCK(s, 0) || IS_STUCK(s, 1) || IS_STUCK(s, 2))
#define HAS_NONE(s) (!IS(s[0]) && !IS(s[1]) && !IS(s[2]))
#define SLICES(s) (IS(s[0]) + IS(s[1]) + IS(s[2]))
#else
#define STUCK_IS_OVER (HEALTHY_IS_DONE(0) && HEALTHY_IS_DONE(1))
#define FAILS(s) (IS_STUCK(s, 0) || IS_STUCK(s, 1))
#define HAS_NONE(s) (!IS(s[0]) && !IS(s[1]))
#define SLICES(s) (IS(s[0]) + IS(s[1]))
#endif

/* Sets `fits`: no watermark is elsewhere; and `clean`: nothing is rejected. */
inline try(its)
{
	fits = true;
	clean = true;
	i = 0;
	do
	:: i < PARTITIONS ->
		fits = fits && (!IS(its.slice[i]) || at[i] == its.slice[i].from);
		clean = clean &&
		    (!IS(its.slice[i]) || !(bad[i] & RANGE(its.slice[i]) & ~its.slice[i].refused));
		i++
	:: else -> break
	od
}

inline commit(its)
{
	i = 0;
	do
	:: i < PARTITIONS && IS(its.slice[i]) ->
		printf("Postgres: commits [%d, %d) of partition %d\n",
		    its.slice[i].from, its.slice[i].to, i);
		assert(decided[i] == BELOW(its.slice[i].from)); /* INV-3 */
		assert((its.slice[i].refused & RANGE(its.slice[i]) & ~bad[i]) == 0); /* INV-7 */
		decided[i] = decided[i] | RANGE(its.slice[i]);
		at[i] = (at[i] == its.slice[i].from -> its.slice[i].to : at[i]);
		i++
	:: i < PARTITIONS && !IS(its.slice[i]) -> i++
	:: else -> break
	od
}

/* --- announcements -------------------------------------------------------- */

inline announce(p, first, end)
{
	printf("log: mark [%d, %d) of partition %d\n", first, end, p);
	assert(end <= at[p]); /* INV-5: it is marked, so it is committed */
	marked[p] = marked[p] | (BELOW(end) - BELOW(first));
	mark[p] = MAX(end, mark[p])
}

/* --- slices --------------------------------------------------------------- */

inline drop_slice(its)
{
	its.from = 0;
	its.to = 0;
	its.owned = false;
	its.refused = 0
}

inline drop_batch(b)
{
	i = 0;
	do
	:: i < PARTITIONS -> drop_slice(b.slice[i]); i++
	:: else -> break
	od;
	b.state = FREE;
	b.waits = false;
	b.fenced = false;
	b.announced = false
}

/* Its answer will not come. */
inline make_late(b)
{
	late.state = SENT;
	i = 0;
	do
	:: i < PARTITIONS ->
		late.slice[i].from = batch[b].slice[i].from;
		late.slice[i].to = batch[b].slice[i].to;
		late.slice[i].refused = batch[b].slice[i].refused;
		i++
	:: else -> break
	od
}

/* The partition is given away, or taken anew: its slice has no owner. */
inline disown(p)
{
	i = 0;
	do
	:: i < PARTITIONS -> batch[i].slice[p].owned = false; i++
	:: else -> break
	od
}

inline start_taking(p)
{
	part[p].state = TAKING;
	part[p].watermark = 0;
	part[p].refused = 0
}

inline let_go(p)
{
	disown(p);
	start_taking(p);
	part[p].state = NOT_MINE;
	part[p].alone = false;
	part[p].small = false
}

/* --- a writer's batches --------------------------------------------------- */

#define PENDS(p) (part[p].state == FILLING && part[p].watermark < WRITES)
#define COUNTS(b) (b.state != FREE && (!b.waits || !APART))
#if PARTITIONS > 2
#define MAY_BEGIN \
	(COUNTS(batch[0]) + COUNTS(batch[1]) + COUNTS(batch[2]) < IN_FLIGHT)
#else
#define MAY_BEGIN (COUNTS(batch[0]) + COUNTS(batch[1]) < IN_FLIGHT)
#endif

inline take_writes(its, p)
{
	its.from = part[p].watermark;
	if
	:: its.to = part[p].watermark + 1
	:: !part[p].small && part[p].watermark + 2 <= WRITES ->
		its.to = part[p].watermark + 2
	fi;
	its.owned = true;
	its.refused = part[p].refused & RANGE(its);
	printf("writer %d: batch %d has [%d, %d) of partition %d\n", me, b,
	    its.from, its.to, p);
	part[p].state = BATCHED;
	part[p].watermark = 0;
	part[p].refused = 0;
	if
	:: AFTER_COMMIT
	:: else -> announce(p, its.from, its.to)
	fi
}

/* A batch of `first`, and of any others behind it. */
inline begin(first)
{
	b = 0;
	do
	:: batch[b].state != FREE -> b++
	:: else -> break
	od;
	batch[b].state = SENT;
	p = first + 1;
	do
	:: p < PARTITIONS && PENDS(p) &&
	    !(ALONE && (part[first].alone || part[p].alone)) ->
		if
		:: take_writes(batch[b].slice[p], p)
		:: skip
		fi;
		p++
	:: p < PARTITIONS && !(PENDS(p) &&
	    !(ALONE && (part[first].alone || part[p].alone))) -> p++
	:: else -> break
	od;
	take_writes(batch[b].slice[first], first);
	b = 0;
	p = 0
}

/* The slices go back to their partitions. */
inline dissolve(b)
{
	printf("writer %d: dissolves batch %d\n", me, b);
	p = 0;
	do
	:: p < PARTITIONS && batch[b].slice[p].owned ->
		assert(!part[p].alone); /* PROGRESS */
		part[p].state = FILLING;
		part[p].watermark = batch[b].slice[p].from;
		part[p].refused = batch[b].slice[p].refused;
		part[p].alone = true;
		p++
	:: p < PARTITIONS && !batch[b].slice[p].owned -> p++
	:: else -> break
	od;
	p = 0;
	drop_batch(batch[b])
}

/* A trial refuses the poisoned writes. Without: the first of each slice. */
inline refuse(b)
{
	p = 0;
	do
	:: p < PARTITIONS && IS(batch[b].slice[p]) ->
		batch[b].slice[p].refused = batch[b].slice[p].refused | (TRIAL ->
		    bad[p] & RANGE(batch[b].slice[p]) : BIT(batch[b].slice[p].from));
		p++
	:: p < PARTITIONS && !IS(batch[b].slice[p]) -> p++
	:: else -> break
	od;
	p = 0
}

/* The only slice: it becomes smaller, or its only write is refused. */
inline blame(b)
{
	p = 0;
	do
	:: !IS(batch[b].slice[p]) -> p++
	:: else -> break
	od;
	if
	:: SMALLER && batch[b].slice[p].to - batch[b].slice[p].from > 1 ->
		part[p].state = FILLING;
		part[p].watermark = batch[b].slice[p].from;
		part[p].refused = batch[b].slice[p].refused;
		part[p].alone = true;
		part[p].small = true;
		drop_batch(batch[b])
	:: else ->
		batch[b].slice[p].refused =
		    batch[b].slice[p].refused | BIT(batch[b].slice[p].from)
	fi;
	p = 0
}

/* Slices whose partition was given away are not sent again. Sets `fewer`. */
inline drop_given_away(b)
{
	fewer = false;
	i = 0;
	do
	:: i < PARTITIONS && IS(batch[b].slice[i]) &&
	    !batch[b].slice[i].owned ->
		drop_slice(batch[b].slice[i]);
		fewer = true;
		i++
	:: i < PARTITIONS && !(IS(batch[b].slice[i]) &&
	    !batch[b].slice[i].owned) -> i++
	:: else -> break
	od
}

/* If a slice left, it may be the one that was rejected. */
inline reject(b)
{
	printf("writer %d: batch %d is rejected\n", me, b);
	drop_given_away(b);
	if
	:: HAS_NONE(batch[b].slice) -> drop_batch(batch[b])
	:: SLICES(batch[b].slice) > 1 -> dissolve(b)
	:: SLICES(batch[b].slice) == 1 && !(fewer && AS_SENT) -> blame(b)
	:: SLICES(batch[b].slice) == 1 && fewer && AS_SENT
	:: !HAS_NONE(batch[b].slice) -> refuse(b)
	fi;
	fewer = false
}

inline execute(b)
{
	try(batch[b]);
	if
	:: !fits && FENCE_ALL ->
		printf("writer %d: batch %d is fenced\n", me, b);
		assert(!batch[b].fenced); /* PROGRESS */
		batch[b].fenced = true;
		batch[b].state = (FENCE_LOOKS -> CHECK : SENT)
	:: (fits || !FENCE_ALL) && !clean -> reject(b)
	:: else -> commit(batch[b]); batch[b].state = COMMITTED
	fi;
	fits = false;
	clean = false;
	i = 0
}

/* The connection is lost. */
inline lose(b)
{
	printf("writer %d: the answer to batch %d is lost\n", me, b);
	make_late(b);
	batch[b].state = (LOST_LOOKS -> CHECK : SENT);
	i = 0
}

/* An error that is no rejection: nothing is committed. */
inline fail(b)
{
	printf("writer %d: batch %d fails\n", me, b);
	drop_given_away(b);
	fewer = false;
	if
	:: HAS_NONE(batch[b].slice) -> drop_batch(batch[b])
	:: SLICES(batch[b].slice) > 1 && DISSOLVE -> dissolve(b)
	:: else -> batch[b].state = CHECK; batch[b].waits = true
	fi;
	i = 0
}

/* A slice of a batch that is committed. */
inline tell(b, p)
{
	if
	:: (ANNOUNCE_ALL || !batch[b].announced) && AFTER_COMMIT &&
	    (ANNOUNCE_GIVEN || batch[b].slice[p].owned) ->
		announce(p, batch[b].slice[p].from, batch[b].slice[p].to)
	:: else
	fi;
	if
	:: batch[b].slice[p].owned ->
		part[p].state = FILLING;
		part[p].watermark = batch[b].slice[p].to;
		part[p].alone = false;
		part[p].small = false
	:: else
	fi;
	drop_slice(batch[b].slice[p]);
	batch[b].announced = !ANNOUNCE_ALL;
	if
	:: HAS_NONE(batch[b].slice) -> drop_batch(batch[b])
	:: else
	fi;
	i = 0
}

/* The announcement of a slice fails. */
inline fail_to_tell(b, p)
{
	printf("writer %d: cannot announce partition %d\n", me, p);
	start_taking(p);
	drop_slice(batch[b].slice[p]);
	if
	:: HAS_NONE(batch[b].slice) -> drop_batch(batch[b])
	:: else
	fi;
	i = 0
}

/* The slice whose watermark says what became of slice p. */
#define JUDGE(b, p) (JUDGE_EACH -> (p) : (IS(batch[b].slice[0]) -> 0 : \
	(IS(batch[b].slice[1]) -> 1 : 2)))

inline judge_slice(b, p)
{
	i = JUDGE(b, p);
	if
	:: !batch[b].slice[p].owned || batch[b].slice[i].from != at[i] -> leaves = true
	:: else
	fi;
	if
	:: batch[b].slice[p].owned && leaves && (at[i] == batch[b].slice[i].to ->
	    TAKE_RECOVERED : TAKE_FENCED) -> start_taking(p)
	:: batch[b].slice[p].owned && leaves && !(at[i] == batch[b].slice[i].to ->
	    TAKE_RECOVERED : TAKE_FENCED) ->
		part[p].state = FILLING;
		part[p].watermark = at[p]
	:: else
	fi
}

inline check(b)
{
	printf("writer %d: looks after batch %d\n", me, b);
	p = PARTITIONS;
	do
	:: p > 0 ->
		p--;
		leaves = false;
		if
		:: IS(batch[b].slice[p]) -> judge_slice(b, p)
		:: else
		fi;
		if
		:: leaves -> drop_slice(batch[b].slice[p]); batch[b].fenced = false
		:: else
		fi
	:: else -> break
	od;
	leaves = false;
	batch[b].state = SENT;
	if
	:: HAS_NONE(batch[b].slice) -> drop_batch(batch[b])
	:: SLICES(batch[b].slice) > 1 -> dissolve(b) /* it took too long */
	:: !HAS_NONE(batch[b].slice)
	fi;
	i = 0
}

/* --- a writer's partitions ------------------------------------------------ */

/* writer/takeover/takeover.c: PROGRESS. */
inline read_progress(p)
{
	part[p].watermark = at[p];
	part[p].state = GAP
}

/* MARKS, GAPS. */
inline announce_gap(p)
{
	if
	:: mark[p] < part[p].watermark && (GAP_OF_EACH || p == 0) ->
		printf("writer %d: announces a gap\n", me);
		announce(p, mark[p], part[p].watermark)
	:: else
	fi;
	part[p].state = FILLING
}

inline hear_of(p)
{
	printf("writer %d: takes partition %d\n", me, p);
	assigned[me] = assigned[me] & ~BIT(p);
	let_go(p);
	part[p].state = TAKING;
	i = 0
}

/* A transaction that was sent may still be executed. */
inline die()
{
	printf("writer %d: dies\n", me);
	crashes--;
	b = 0;
	do
	:: b < PARTITIONS ->
		if
		:: batch[b].state == SENT && late.state == FREE ->
			make_late(b)
		:: true
		fi;
		drop_batch(batch[b]);
		b++
	:: else -> break
	od;
	b = 0;
	do
	:: b < PARTITIONS ->
		let_go(b);
		if
		:: owner[b] == me ->
			owner[b] = 1 - me;
			assigned[1 - me] = assigned[1 - me] | BIT(b)
		:: else
		fi;
		b++
	:: else -> break
	od;
	assigned[me] = 0;
	b = 0;
	i = 0
}

#define PARTITION_STEPS(p) \
	:: d_step { assigned[me] & BIT(p) -> hear_of(p) } \
	:: d_step { part[p].state != NOT_MINE && owner[p] != me -> \
		printf("writer %d: gives partition %d away\n", me, p); \
		let_go(p); i = 0 } \
	:: d_step { part[p].state == TAKING -> read_progress(p) } \
	:: d_step { part[p].state == GAP -> announce_gap(p) } \
	:: atomic { PENDS(p) && MAY_BEGIN -> begin(p) }

#define SLICE_STEPS(b, p) \
	:: d_step { batch[b].state == COMMITTED && IS(batch[b].slice[p]) -> \
		tell(b, p) } \
	:: d_step { undelivered > 0 && batch[b].state == COMMITTED && \
	    batch[b].slice[p].owned -> undelivered--; fail_to_tell(b, p) }

#define BATCH_STEPS(b) \
	:: atomic { batch[b].state == SENT && !FAILS(batch[b].slice) -> \
		execute(b) } \
	:: d_step { batch[b].state == SENT && FAILS(batch[b].slice) && \
	    !batch[b].waits -> fail(b) } \
	:: d_step { batch[b].state == SENT && lost > 0 && late.state == FREE -> \
		lost--; lose(b) } \
	:: atomic { batch[b].state == CHECK -> check(b) } \
	SLICE_STEPS(b, 0) \
	SLICE_STEPS(b, 1) \
	THIRD_SLICE(b)

#if PARTITIONS > 2
#define THIRD_SLICE(b) SLICE_STEPS(b, 2)
#else
#define THIRD_SLICE(b)
#endif

proctype writer(byte me)
{
	Partition part[PARTITIONS];
	Batch batch[PARTITIONS];
	byte b, p, i;
	bool fits, clean, leaves, fewer;
end:
	do
	PARTITION_STEPS(0)
	PARTITION_STEPS(1)
	BATCH_STEPS(0)
	BATCH_STEPS(1)
#if PARTITIONS > 2
	PARTITION_STEPS(2)
	BATCH_STEPS(2)
#endif
	:: atomic { crashes > 0 -> die() }
	od
}

/* --- the surroundings ----------------------------------------------------- */

inline execute_late()
{
	printf("Postgres: a late transaction\n");
	try(late);
	if
	:: fits && clean -> commit(late)
	:: else
	fi;
	drop_batch(late);
	fits = false;
	clean = false;
	i = 0
}

inline move(p)
{
	printf("group: moves partition %d\n", p);
	moves--;
	owner[p] = 1 - owner[p];
	assigned[owner[p]] = assigned[owner[p]] | BIT(p)
}

inline all_is_done()
{
	i = 0;
	do
	:: i < PARTITIONS ->
		assert(at[i] == WRITES); /* PROGRESS */
		assert(decided[i] == BELOW(WRITES)); /* INV-3 */
		assert(marked[i] == BELOW(WRITES)); /* INV-5 */
		i++
	:: else -> break
	od
}

init {
	byte i, n;
	bool fits, clean;

	atomic {
		/* Partitions differ by their troubles only. */
		do
		:: i < PARTITIONS * WRITES -> i++
		:: i < PARTITIONS * WRITES && n < POISONED &&
		    (STUCK > 0 || i < WRITES || bad[i / WRITES - 1]) ->
			bad[i / WRITES] = bad[i / WRITES] | BIT(i % WRITES);
			i++;
			n++
		:: i == PARTITIONS * WRITES -> break
		od;
		crashes = CRASHES;
		lost = LOST;
		moves = MOVES;
		undelivered = UNDELIVERED;
		assigned[0] = BELOW(PARTITIONS);
		i = 0;
		n = 0;
		run writer(0);
		run writer(1)
	}
	do
	:: d_step { late.state == SENT -> execute_late() }
	:: d_step { late.state == SENT -> drop_batch(late); i = 0 }
	:: d_step { moves > 0 -> move(0) }
	:: d_step { moves > 0 -> move(1) }
#if PARTITIONS > 2
	:: d_step { moves > 0 -> move(2) }
#endif
	:: timeout -> break
	od;
	atomic { all_is_done() }
}
