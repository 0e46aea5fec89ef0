/* One instance of the api: its tail (api/commits/tail.c), floors (api/cache/floors.c), L1
 * (api/cache/l1.c), and reads (api/read/read.c, api/read/lookup.c).
 *
 * What a lookup brings is served at once, or from L1 at any time later, which
 * is how it comes to requests that joined it.
 */

/* INV-1. Before the tail knows a mark nothing of it is known, and the primary
 * is asked: what it says must not be older than what was heard by then. */
#define MAY_SERVE(as_of) (open && ((as_of) >= floor || !FLOOR_CHECK))
#define PRIMARY_MAY_SERVE(as_of) (!open && ((as_of) >= floor || !CLOSED_CHECK))

/* A forged commit lies beyond the log. Until it is found, and what was heard is
 * forgotten, nothing is promised. */
#define GENUINE 0
#define BELIEVED 1
#define STOPPED 2 /* found: closed, and nothing more is heard */
#define ASKED 3	  /* what Postgres has applied is asked */
#define ANEW 4	  /* answered: all is read again */

#define BEYOND (VERSIONS + 1)

/* What Postgres had applied when it was asked: all that was announced before. */
#define APPLIED (ANEW_APPLIED -> asked : 0)

#ifdef FORGED
#define PROMISED (phase == GENUINE || phase == ANEW)
#define HEARS (phase != STOPPED && phase != ASKED || !ANEW_STOPS)
#else
#define PROMISED true
#define HEARS true
#endif

/* `known`: what this instance has heard of, and all that its watermark ever
 * passed, for who waited for that. */
inline serve(its)
{
	printf("api: serves row %d\n", its);
	assert(its >= known || !PROMISED)
}

inline l1_put(its, as_of)
{
	if
	:: l1 > 0 && l1_as_of > as_of && L1_NEWER
	:: else ->
		l1 = its + 1;
		l1_as_of = as_of
	fi
}

inline l1_remove()
{
	l1 = 0;
	l1_as_of = 0
}

/* --- the tail ------------------------------------------------------------- */

inline update_l1(m)
{
	if
	:: l1 > 0 && what == SET && PRESENT(m.through) ->
		l1_put(m.through, m.version + 1)
	:: l1 > 0 && !(what == SET && PRESENT(m.through)) && L1_DROPS ->
		l1_remove()
	:: else
	fi
}

inline hear_record(m)
{
	follower_record(f, m.version);
	if
	:: m.kind == KEY -> known = MAX(known, m.version + 1)
	:: else
	fi;
	if
	:: what != IGNORE && m.kind == KEY ->
		floor = MAX(floor, m.version + 1);
		update_l1(m)
#ifdef SHARED
	:: what != IGNORE && m.kind == OTHER ->
		floor = MAX(floor, m.version + 1)
#endif
	:: else
	fi
}

inline start_lane()
{
	open = true;
	floor = MAX(floor, BASE(f))
}

/* --- a forged commit ------------------------------------------------------ */

/* It may stand anywhere in the log. */
inline believe_mark()
{
	printf("api: believes a forged mark\n");
	phase = BELIEVED;
	f.started = true;
	f.watermark = BEYOND
}

/* It sets an entry. */
inline believe_record()
{
	printf("api: believes a forged record\n");
	phase = BELIEVED;
	f.seen = BEYOND;
	floor = BEYOND;
	l1 = 1;
	l1_as_of = BEYOND
}

inline stop()
{
	printf("api: stops\n");
	phase = STOPPED;
	open = !ANEW_STOPS
}

inline ask()
{
	phase = ASKED;
	asked = known
}

/* `known` stays, other than in a restart. */
inline start_anew()
{
	printf("api: starts anew\n");
	phase = ANEW;
	open = false;
	floor = APPLIED;
	if
	:: ANEW_DISCARDS -> l1_remove()
	:: else
	fi;
	follower_clear(f);
	offset = 0
}

inline hear_mark(m)
{
	follower_mark(f, m);
	if
	:: what == JUMP -> start_lane()
	:: else
	fi;
	if
	:: what != MARK_IGNORE ->
		known = MAX(known, NEWEST(KEY, f.watermark))
	:: else
	fi
}

inline on_message()
{
	skip_cleaned(offset);
	follower_hear(f, offset);
	printf("api: hears offset %d\n", offset);
	if
	:: commits[offset].kind == MARK -> hear_mark(commits[offset])
	:: else -> hear_record(commits[offset])
	fi;
	offset++
}

/* --- reads ---------------------------------------------------------------- */

/* lookup.c, keep(): a fill of Redis is an affair of surroundings(). */
inline found_it(its, as_of)
{
#ifndef NO_L1
	l1_put(its, as_of);
#endif
	serve(its)
}

/* Whichever server, however long ago. */
inline from_postgres(as_of)
{
	if
	:: MAY_SERVE(as_of) -> found_it(NEWEST(KEY, as_of), as_of)
	:: PRIMARY_MAY_SERVE(as_of) -> serve(NEWEST(KEY, as_of))
	:: else
	fi
}

#define IN_REDIS (redis.initialised && redis.entry > 0)

proctype api()
{
	Follower f;
	byte offset;
	bool whole; /* the tail began at the first offset */
	bool open;
	byte floor;
	byte known;
	byte l1, l1_as_of;
#ifdef FORGED
	byte phase;
	byte asked; /* `known`, when it was asked */
#endif

begin:
	open = open || !CLOSED_FLOORS;
	whole = true;
	do
	:: offset < commits_end -> offset++; whole = false
	:: true -> break
	od;
end:
	do
	:: d_step { HEARS && offset < commits_end -> on_message() }
	:: d_step { l1 > 0 && MAY_SERVE(l1_as_of) -> serve(l1 - 1) }
	:: d_step { l1 > 0 -> l1_remove() } /* evicted, expired, or purged */
	:: d_step { IN_REDIS && MAY_SERVE(redis.watermark) ->
		found_it(redis.entry - 1, redis.watermark) }
	:: d_step { true -> from_postgres(0) }
	:: d_step { pg_ever >= 1 -> from_postgres(1) }
	:: d_step { pg_ever >= 2 -> from_postgres(2) }
	:: d_step { pg_ever >= 3 -> from_postgres(3) }
	:: d_step { pg_ever >= 4 -> from_postgres(4) }
	/* on_eof(): no mark was found so far; further from the end. */
	:: HEARS && !f.started && !whole -> offset = 0; goto begin
	:: d_step { HEARS && !f.started && whole -> follower_start(f, 0); start_lane() }
#ifdef RESET /* on_fault(): its offset is not in the log */
	:: d_step { f.started -> follower_reset(f); offset = 0 } -> goto begin
#endif
#ifdef FORGED
	:: d_step { phase == GENUINE -> believe_mark() }
	:: d_step { phase == GENUINE -> believe_record() }
	:: d_step { phase == BELIEVED -> stop() }
	:: d_step { phase == STOPPED -> ask() }
	:: d_step { phase == ASKED -> start_anew() } -> goto begin
#endif
#ifdef RESTART
	:: d_step { true ->
		printf("api: begins again\n");
		follower_clear(f); open = false; floor = 0; known = 0;
		l1_remove(); offset = 0 } -> goto begin
#endif
	od
}
