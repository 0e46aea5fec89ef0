/* A projector's partition: projector/apply/partition.c, chunk.c, resume.c. */

typedef Chunk {
	bool initialised; /* Redis has a watermark, it believes */
	byte from, to, cursor;
	byte due;
	bool has; /* an entry of the key: */
	bool set;
	byte floor;
	byte row;
	byte other /* the floor of another key in its bucket */
};

#define NOTHING 0
#define APPLY 1
#define START 2

inline forget_entries()
{
	c.has = false;
	c.set = false;
	c.floor = 0;
	c.row = 0;
	c.other = 0
}

/* The first mark starts it. */
inline chunk_restart()
{
	forget_entries();
	follower_clear(f);
	c.to = c.from;
	c.cursor = 0;
	c.due = NOTHING;
	offset = 0
}

/* What Redis answers. */
inline lane_resume()
{
	c.initialised = redis.initialised;
	c.from = redis.watermark;
	chunk_restart();
	learn_turn();
	printf("projector %d: resumes at %d, offset %d\n", me, c.from,
	    redis.cursor);
	if
	:: redis.initialised ->
		follower_start(f, redis.watermark);
		c.cursor = redis.cursor;
		offset = redis.cursor
	:: else
	fi
}

/* `refresh`: on_commit of its collection. */
inline chunk_record(m, refresh)
{
	follower_record(f, m.version);
	if
	:: what != IGNORE && f.started && m.kind == KEY ->
		c.has = true;
		c.floor = MAX(c.floor, m.version + 1);
		c.set = (what == SET && refresh);
		c.row = (c.set -> m.through : 0)
#ifdef SHARED
	:: what != IGNORE && f.started && m.kind == OTHER ->
		c.other = MAX(c.other, m.version + 1)
#endif
	:: else
	fi
}

inline chunk_mark(m)
{
	follower_mark(f, m);
	if
	:: what == ADVANCE -> c.due = APPLY
	:: what == JUMP ->
		forget_entries();
		c.due = START
	:: else
	fi;
	if
	:: what != MARK_IGNORE ->
		c.to = m.through;
		c.cursor = (CURSOR_RULE -> m.begin : offset + 1)
	:: else
	fi
}

inline hear(refresh)
{
	skip_cleaned(offset);
	follower_hear(f, offset);
	printf("projector %d: hears offset %d\n", me, offset);
	if
	:: commits[offset].kind == MARK -> chunk_mark(commits[offset])
	:: else -> chunk_record(commits[offset], refresh)
	fi;
	offset++
}

inline chunk_applied()
{
	forget_entries();
	c.initialised = true;
	c.from = c.to;
	c.due = NOTHING
}

/* When a chunk is full is left open. It is applied as it stands. */
#define FULL (c.due == NOTHING && (c.has || c.other > 0))
inline apply_part()
{
	if
	:: PART_STAYS
	:: else ->
		c.to = MAX(c.to, MAX(c.floor, c.other));
		f.watermark = c.to
	fi;
	if
	:: CURSOR_STAYS
	:: else -> c.cursor = offset
	fi;
	l2_apply()
}

/* There is no mark in the log so far, and all of it was heard. */
inline chunk_begin_empty()
{
	c.to = 0;
	c.cursor = 0;
	l2_start();
	chunk_applied();
	follower_clear(f);
	follower_start(f, 0);
	offset = 0
}

proctype projector(byte me)
{
	Follower f;
	Chunk c;
	byte offset;
	bool whole; /* it began at the first offset, to find a mark */

end_resuming:
	do
	:: d_step { true -> lane_resume() } -> break
	od;
starting: /* without a watermark, anywhere: how far from the end, varies */
	whole = !f.started;
	do
	:: !f.started && offset < commits_end -> offset++; whole = false
	:: true -> break
	od;
end_following:
	do
	:: d_step { offset < commits_end && c.due != START -> hear(true) }
	:: d_step { offset < commits_end && c.due != START -> hear(false) }
	:: d_step { (c.due == APPLY) && MAY_APPLY -> l2_apply(); chunk_applied() }
	:: d_step { FULL && MAY_APPLY -> apply_part(); chunk_applied() }
	:: d_step { (c.due == START) && MAY_START ->
		l2_start(); chunk_applied() }
	:: d_step { !f.started && whole && MAY_START -> chunk_begin_empty() }
	/* Redis is elsewhere. */
	:: (c.due == APPLY || FULL) && !MAY_APPLY -> goto end_resuming
	:: c.due == START && !MAY_START -> goto end_resuming
#ifdef CRASH
	:: goto end_resuming
#endif
#ifdef ANEW /* the cursor is not in the log, or Redis of another log */
	:: d_step { f.started -> chunk_restart() } -> goto starting
#endif
	od
}
