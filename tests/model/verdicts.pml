/* INV-7: what became of a write stays so when a failover loses its commit.
 *
 * Two partitions, whose logs are applied side by side, in batches of any size:
 *
 *   0: DOWN and UP of one counter, which begins at 0 and must not be below 0;
 *      FIRST, which has an idempotency key
 *   1: a write of its own, OTHER; and AGAIN, a retry of FIRST. With MEET it is
 *      in partition 0 instead, as it is for every retry today; without it is
 *      where older writers of a POST have put it.
 *
 * Who decides: the fold, for every write (FOLD), if the constraint is a declared
 * one; else Postgres, of what a batch leaves (OPERATOR). The idempotency key
 * belongs to whoever commits first. All that was committed is announced, with
 * the outcomes. A standby has any prefix of the commits when it takes over. What
 * was announced counts then (TOLD), in the batches that it was in (BOUNDS),
 * unless the marks are gone (GONE): then a mark starts the partition anew for
 * whoever follows (ANEW).
 *
 * Two things are asserted: of what was told and whose mark is there, the
 * outcome is what was told (and what depends on the log alone is what the log
 * says, told or not); and in the end a cache that followed has what the
 * database has.
 */
#ifndef FOLD
#define FOLD true
#endif
#ifndef MEET
#define MEET true
#endif
#ifndef TOLD
#define TOLD true
#endif
#ifndef BOUNDS
#define BOUNDS true
#endif
#ifndef ANEW
#define ANEW true
#endif
#ifdef OPERATOR
#define DECLARED false
#else
#define DECLARED true
#endif

#define DOWN 0
#define UP 1
#define FIRST 2
#define AGAIN 3
#define OTHER 4
#define WRITES 5

#define NONE 0
#define ACCEPTED 1
#define REFUSED 2
#define REPLAYED 3

/* Where AGAIN is: partition 0 has DOWN UP FIRST AGAIN, 1 OTHER; or 0 has DOWN
 * UP FIRST, 1 OTHER AGAIN. */
#define LENGTH(p) ((p) == 0 -> (MEET -> 4 : 3) : (MEET -> 1 : 2))
#define WRITE(p, i) ((p) == 0 -> (i) : ((i) == 0 -> OTHER : AGAIN))

typedef database {
	byte at[2];	 /* watermarks */
	byte n;
	byte key;	 /* the write that has the idempotency key; NONE + 9 */
	bit row[2];	 /* of FIRST, of AGAIN */
	byte outcome[WRITES];
};

#define FREE 9

database now, standby;
byte told[WRITES];	/* what a mark that is there says */
bit gone[2];		/* marks are: a partition must be started anew */
byte bound[WRITES];	/* the place of the end of the batch it was told in */
byte end[2];		/* of what was told */
bool failed;

/* A cache that follows the marks: it knows n and the rows as of `heard`. */
byte heard[2];
byte cached_n;
bit cached_row[2];

inline copy(dst, src) {
	dst.at[0] = src.at[0]; dst.at[1] = src.at[1];
	dst.n = src.n; dst.key = src.key;
	dst.row[0] = src.row[0]; dst.row[1] = src.row[1];
	dst.outcome[DOWN] = src.outcome[DOWN];
	dst.outcome[UP] = src.outcome[UP];
	dst.outcome[FIRST] = src.outcome[FIRST];
	dst.outcome[AGAIN] = src.outcome[AGAIN];
	dst.outcome[OTHER] = src.outcome[OTHER]
}

/* --- deciding -------------------------------------------------------------- */

/* DOWN at zero. `covered`: UP follows in the batch. */
inline decide_down(covered) {
	if
	:: TOLD && told[DOWN] != NONE -> now.outcome[DOWN] = told[DOWN];
		/* Postgres must take it: what was told as accepted was hidden */
		assert(told[DOWN] == REFUSED || covered)
	:: else ->
		if
		:: DECLARED && FOLD -> now.outcome[DOWN] = REFUSED
		:: else -> now.outcome[DOWN] = (covered -> ACCEPTED : REFUSED)
		fi
	fi
}

inline decide_key(w, k) {
	if
	:: TOLD && told[w] != NONE -> now.outcome[w] = told[w]
	:: else -> now.outcome[w] = (now.key == FREE -> ACCEPTED : REPLAYED)
	fi;
	if
	:: now.outcome[w] == ACCEPTED -> now.key = w; now.row[k] = 1
	:: else
	fi
}

inline decide(w, last) {
	if
	:: w == DOWN -> decide_down(last >= UP)
	:: w == UP -> now.outcome[UP] = ACCEPTED;
		now.n = (now.outcome[DOWN] == ACCEPTED -> 0 : 1)
	:: w == FIRST -> decide_key(FIRST, 0)
	:: w == AGAIN -> decide_key(AGAIN, 1)
	:: w == OTHER -> now.outcome[OTHER] = ACCEPTED
	fi
}

/* --- announcing ------------------------------------------------------------ */

/* A mark that ends there; its records stand before it. */
inline hear(h, upto, anew) {
	if
	:: anew || upto > heard[h] ->
		heard[h] = upto;
		if
		:: h == 0 -> cached_n = now.n; cached_row[0] = now.row[0];
			cached_row[1] = (MEET -> now.row[1] : cached_row[1])
		:: else -> cached_row[1] = (MEET -> cached_row[1] : now.row[1])
		fi
	:: else
	fi
}

/* --- the writers, one of each partition ------------------------------------ */

proctype writer(byte p) {
	byte from, to, i, w;
	do
	:: atomic { now.at[p] == LENGTH(p) && failed -> break }
	:: atomic {
		now.at[p] < LENGTH(p) ->
		from = now.at[p];
		if
		:: gone[p] && from < end[p] && ANEW -> hear(p, from, true)
		:: else
		fi;
		gone[p] = 0;
		to = from + 1;
		w = WRITE(p, from);
		if
		:: TOLD && BOUNDS && told[w] != NONE -> to = bound[w]
		:: else ->
			/* Not over what was told. */
			do
			:: to < LENGTH(p) && (!TOLD || (told[WRITE(p, to)] != NONE) ==
				(told[w] != NONE)) -> to++
			:: break
			od
		fi;
		i = from;
		do
		:: i < to -> w = WRITE(p, i); decide(w, to - 1); i++
		:: else -> break
		od;
		now.at[p] = to;
		i = from;
		do
		:: i < to -> w = WRITE(p, i);
			if
			:: told[w] == NONE -> told[w] = now.outcome[w]; bound[w] = to
			:: else -> assert(told[w] == now.outcome[w]) /* INV-7 */
			fi;
			i++
		:: else -> break
		od;
		end[p] = (to > end[p] -> to : end[p]);
		hear(p, to, false);
		i = 0; from = 0; to = 0; w = 0
	   }
	od
}

/* --- faults ---------------------------------------------------------------- */

/* The standby gets nothing any more from some moment on, and takes over at
 * another. Marks of some partitions may be gone by then. */
proctype fault() {
	atomic { copy(standby, now) };
	atomic {
		copy(now, standby);
		failed = true;
#ifdef GONE
		if
		:: told[DOWN] = NONE; told[UP] = NONE; told[FIRST] = NONE;
			told[AGAIN] = (MEET -> NONE : told[AGAIN]); gone[0] = 1
		:: told[OTHER] = NONE; told[AGAIN] = (MEET -> told[AGAIN] : NONE);
			gone[1] = 1
		:: skip
		fi
#endif
	}
}

init {
	atomic {
		now.key = FREE;
		run writer(0);
		run writer(1);
		run fault()
	};
	(_nr_pr == 1);
	atomic {
		/* What depends on the log alone. */
		assert(!DECLARED || now.outcome[DOWN] == REFUSED); /* INV-7 */
		assert(!MEET || now.outcome[FIRST] == ACCEPTED); /* INV-7 */
		assert(now.row[0] + now.row[1] == 1); /* INV-7 */
		assert(cached_n == now.n && cached_row[0] == now.row[0] &&
			cached_row[1] == now.row[1]) /* INV-7 */
	}
}
