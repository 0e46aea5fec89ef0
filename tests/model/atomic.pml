/* Atomic batches (docs/batches.md): each record of the log is a batch that writes
 * two rows of a group, A and B. From the log to the rows, the announcement, the
 * caches and the pages of an instance.
 *
 * The first operation of a batch can always be applied. The second one may demand
 * that there is no row yet (CREATE), or what only an operator's constraint knows,
 * which may say another thing once its word was announced (DOOR). The writer
 * applies one batch or two in a transaction, and announces them with one mark. It
 * may die between any two steps, and a failover may put Postgres back. A read is
 * as old as it likes: of a lagging replica, or on its way for long.
 *
 * A row is told by one past the version that made it; 0: there is none. Since every
 * batch writes both, A and B are the same row in every state that exists.
 */
#ifndef ALL_OR_NOTHING
#define ALL_OR_NOTHING true /* one operation that fails rejects all */
#endif
#ifndef ONE_TRANSACTION
#define ONE_TRANSACTION true /* both rows and the watermark change together */
#endif
#ifndef MARK_BEHIND
#define MARK_BEHIND true /* the mark stands behind the records of all rows */
#endif
#ifndef MARK_OF_ALL
#define MARK_OF_ALL true /* a mark of two batches stands behind the records of both */
#endif
#ifndef GAP_WHOLE
#define GAP_WHOLE true /* so it does if a gap is announced */
#endif
#ifndef AGAIN
#define AGAIN true /* an announced outcome counts when the log is applied again */
#endif

#ifndef RECORDS
#define RECORDS 2 /* at most 3 */
#endif
#ifndef CRASHES
#define CRASHES 1
#endif
#ifndef FAILOVERS
#define FAILOVERS 1
#endif
#define ENTRIES 40

#define ALWAYS 0
#define CREATE 1
#define DOOR 2

#define A 1
#define B 2
#define MARK 3

byte demand[3];
bool lets[3]; /* what the constraint says at first */
bool page; /* a page is looked at, not entries */

/* Postgres: the rows as of each watermark, the newest one, the outcomes. */
byte rowA[4], rowB[4];
byte pg;
bool done[3];

/* sluice.commits. */
byte kind[ENTRIES], version[ENTRIES];
byte end;
byte marked;	       /* one past the highest mark */
bool told[3];	       /* what the marks say of each batch below */

byte crashes, failovers;
bool dies; /* the writer does, at its next step */

#define IS(v, w) ((w) > v && told[v])
#define NEWEST(w) (IS(2, w) -> 3 : (IS(1, w) -> 2 : (IS(0, w) -> 1 : 0)))

inline append(what, v)
{
	atomic {
		assert(end < ENTRIES);
		kind[end] = what;
		version[end] = v;
		end++
	}
}

/* A mark: INV-7 is that it never says something else. */
inline mark(v, outcome)
{
	atomic {
		append(MARK, v);
		assert(marked <= v || told[v] == outcome); /* INV-7 */
		told[v] = outcome;
		marked = (marked > v + 1 -> marked : v + 1)
	}
}

/* One mark of the batches v and v + 1. */
inline mark_two(v, first, then)
{
	atomic {
		append(MARK, v + 1);
		assert(marked <= v || told[v] == first); /* INV-7 */
		assert(marked <= v + 1 || told[v + 1] == then); /* INV-7 */
		told[v] = first;
		told[v + 1] = then;
		marked = (marked > v + 2 -> marked : v + 2)
	}
}

inline announce_rows(v, outcome)
{
	if
	:: outcome -> append(A, v); append(B, v)
	:: else
	fi
}

inline announce_two(v, first, then)
{
	announce_rows(v, first);
	if
	:: MARK_OF_ALL ->
		announce_rows(v + 1, then);
		mark_two(v, first, then)
	:: else ->
		mark_two(v, first, then);
		announce_rows(v + 1, then)
	fi
}

/* What becomes of the batch v, if `there` is the row B before it. */
inline decide(v, there, out)
{
	if
	:: v < marked && AGAIN -> out = told[v]
	:: else ->
		out = demand[v] == ALWAYS ||
		    (demand[v] == CREATE && there == 0);
		if
		:: demand[v] == DOOR && v < marked -> select(out : 0 .. 1)
		:: demand[v] == DOOR && v >= marked -> out = lets[v]
		:: else
		fi
	fi
}

/* The rows as of the batch v. */
inline write_rows(v, outcome)
{
	rowA[v + 1] = (outcome || !ALL_OR_NOTHING -> v + 1 : rowA[v]);
	rowB[v + 1] = (outcome -> v + 1 : rowB[v]);
	done[v] = outcome
}

/* `whole`: the mark stands behind both records. */
inline announce(v, outcome, whole)
{
	if
	:: outcome -> append(A, v)
	:: else
	fi;
	if
	:: whole ->
		if
		:: outcome -> append(B, v)
		:: else
		fi;
		mark(v, outcome)
	:: else ->
		mark(v, outcome);
		if
		:: outcome -> append(B, v)
		:: else
		fi
	fi
}

proctype writer()
{
	byte at, gap, many, next, row;
	bool outcome, second;

	do
	:: at = pg;
	   gap = marked;
	   /* The gap that the writer before left: with the outcomes that Postgres
	    * has. */
	   do
	   :: gap < at && pg >= at ->
		announce(gap, done[gap], GAP_WHOLE);
		gap++
	   :: gap < at && pg < at -> /* it went back meanwhile */
		at = pg;
		gap = marked
	   :: else -> break
	   od;
	   do
	   :: at < RECORDS ->
		atomic {
			row = rowB[at];
			decide(at, row, outcome);
			if
			:: many = 1
			:: at + 1 < RECORDS && ONE_TRANSACTION ->
				many = 2;
				next = at + 1;
				row = (outcome -> next : rowB[at]);
				decide(next, row, second)
			fi
		}
		if
		:: atomic {
			pg == at && ONE_TRANSACTION ->
			write_rows(at, outcome);
			if
			:: many == 2 -> write_rows(next, second)
			:: else
			fi;
			pg = at + many
		   }
		:: atomic {
			pg == at && !ONE_TRANSACTION ->
			rowA[at] = (outcome -> at + 1 : rowA[at])
		   };
		   atomic {
			rowA[at + 1] = rowA[at];
			rowB[at + 1] = (outcome -> at + 1 : rowB[at]);
			done[at] = outcome;
			pg = at + 1
		   }
		:: pg != at -> break /* fenced: it takes the partition again */
		fi;
		if
		:: many == 1 -> announce(at, outcome, MARK_BEHIND)
		:: else -> announce_two(at, outcome, second)
		fi;
		at = at + many
	   :: at == RECORDS && pg < RECORDS -> break
	   od
	od unless { atomic { dies -> dies = false; run writer() } }
}

proctype death()
{
	do
	:: atomic { crashes > 0 && !dies -> crashes--; dies = true }
	od
}

/* The standby had not got the last commits. */
proctype failover()
{
	byte back;
	if
	:: atomic {
		failovers > 0 && pg > 0 ->
		failovers--;
		select(back : 0 .. RECORDS - 1);
		pg = (back < pg -> back : pg)
	   }
	:: timeout
	fi
}

/* An instance: an entry of A or of B, or a page with both; what it holds of A and of
 * B, and as of when. */
proctype api()
{
	byte at, through, floorA, floorB, k;
	byte a, b, a_as, b_as;

	do
	:: atomic {
		at < end ->
		if
		:: kind[at] == MARK && version[at] + 1 > through ->
			through = version[at] + 1
		:: (kind[at] == A || (page && kind[at] == B)) &&
		    version[at] + 1 > floorA ->
			floorA = version[at] + 1
		:: !page && kind[at] == B && version[at] + 1 > floorB ->
			floorB = version[at] + 1
		:: else
		fi;
		at++
	}
	:: atomic {
		select(k : 0 .. pg);
		a = rowA[k];
		a_as = k;
		if
		:: page -> b = rowB[k]
		:: else
		fi;
		k = 0
	}
	:: atomic {
		!page ->
		select(k : 0 .. pg);
		b = rowB[k];
		b_as = k;
		k = 0
	}
	/* What it serves: nothing of it is older than a batch whose mark was heard,
	 * and a page has all of each batch. */
	:: atomic {
		a_as >= floorA -> assert(a >= NEWEST(through)); /* INV-9 */
		assert(!page || a == b) /* INV-9 */
	}
	:: atomic {
		!page && b_as >= floorB -> assert(b >= NEWEST(through)) /* INV-9 */
	}
	od
}

init {
	byte n;
	atomic {
		do
		:: n < RECORDS ->
			if
			:: demand[n] = ALWAYS
			:: demand[n] = CREATE
			:: demand[n] = DOOR; lets[n] = true
			:: demand[n] = DOOR
			fi;
			n++
		:: else -> break
		od;
		n = 0;
		if
		:: page = true
		:: page = false
		fi;
		crashes = CRASHES;
		failovers = FAILOVERS;
		run writer();
		run death();
		run failover();
		run api()
	}
}
