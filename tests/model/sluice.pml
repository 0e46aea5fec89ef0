/* The protocol of the caches, as it is implemented, for one partition.
 *
 * First the writers run to their end, then the consumers: nothing goes back
 * from consumers to writers, so the log is the same whenever it is read, and
 * who reads it slowly has seen every shorter log on the way. Of the keys there
 * are two, and the caches of one (KEY) are looked at: another key (OTHER) does
 * to them what it does by its records in the log, and its floor if they share
 * a bucket. What Postgres answers is as old as it likes: that is the lagging
 * replica, the slow request and the late fill in one.
 *
 * docs/model.md tells which line of the code stands behind what.
 */
#ifndef VERSIONS
#define VERSIONS 2 /* writes: 0 to VERSIONS - 1; at most 4 */
#endif
#ifndef WRITERS
#define WRITERS 2
#endif
#ifndef PROJECTORS
#define PROJECTORS 0
#endif
#ifndef APIS
#define APIS 0
#endif

#define NOBODY 0 /* a write that was rejected */
#define KEY 1
#define OTHER 2
#define MARK 3

/* --- the writes ----------------------------------------------------------- */

byte wrote[4]; /* whose write it is */
bool gone[4];  /* it is a delete */

byte pg;      /* sluice.progress of the primary */
byte pg_ever; /* the highest that it ever was */

/* A row is told by one past the version that made it; 0: there never was one.
 * NEWEST: the row as of a watermark, in whatever server. */
#define IS(v, w, k) ((w) > v && wrote[v] == (k))
#define NEWEST(k, w) \
	(IS(3, w, k) -> 4 : (IS(2, w, k) -> 3 : (IS(1, w, k) -> 2 : \
	(IS(0, w, k) -> 1 : 0))))
#define PRESENT(row) ((row) > 0 && !gone[(row) - 1])
#define MAX(a, b) ((a) > (b) -> (a) : (b))

/* Set and used within one d_step: no part of the state. */
hidden byte i, j, what, row, label, found, contiguous;

#include "guards.pml"
#include "commits.pml"
#include "writer.pml"
#include "redis.pml"
#include "projector.pml"
#include "api.pml"

init {
	byte n;

	atomic {
		do
		:: n < VERSIONS ->
			if
			:: wrote[n] = KEY
#ifndef ONE_KEY
			:: wrote[n] = OTHER
#endif
#ifdef REJECTIONS
			:: wrote[n] = NOBODY
#endif
			fi;
#ifdef DELETES
			if
			:: gone[n] = true
			:: skip
			fi;
#endif
			n++
		:: else -> break
		od;
end_of_no_interest:
		NEWEST(KEY, VERSIONS) > 0;
		n = 0;
		do
		:: n < WRITERS -> run writer(n); n++
		:: else -> break
		od;
#ifdef FAILOVER
		run failover();
#endif
		n = 0
	}
	(_nr_pr == 1);
	d_step { pg = 0; taken = 0 }
	atomic {
		do
		:: n < PROJECTORS -> run projector(n); n++
		:: else -> break
		od;
		if
		:: PROJECTORS > 0 -> run surroundings()
		:: else
		fi;
		n = 0;
		do
		:: n < APIS -> run api(); n++
		:: else -> break
		od;
#ifdef COMPACTION
		run compaction();
#endif
		n = 0
	}
}
