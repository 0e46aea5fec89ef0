/* sluice.commits, and how a consumer follows it: common/log/follower.c. */

typedef Message {
	byte kind;    /* KEY, OTHER: a record; MARK */
	byte version; /* of a record; of a mark: from */
	byte through; /* of a mark; of a record: the row that it carries */
	byte begin    /* of a mark: after + 1 */
};

#define COMMITS 14
Message commits[COMMITS];
byte commits_end;
byte cleaned; /* compaction has come this far */

inline tell_message(at)
{
	if
	:: commits[at].kind == MARK ->
		printf("log: offset %d is the mark [%d, %d) after %d\n", at,
		    commits[at].version, commits[at].through,
		    commits[at].begin - 1)
	:: else ->
		printf("log: offset %d is version %d of key %d\n", at,
		    commits[at].version, commits[at].kind)
	fi
}

inline append(m)
{
	assert(commits_end < COMMITS);
	commits[commits_end].kind = m.kind;
	commits[commits_end].version = m.version;
	commits[commits_end].through = m.through;
	commits[commits_end].begin = m.begin;
	commits_end++
}

/* Compaction keeps the last message of each key; marks have one key. */
inline skip_cleaned(offset)
{
	do
	:: offset < cleaned ->
		found = false;
		j = offset + 1;
		do
		:: j < cleaned && !found ->
			found = (commits[j].kind == commits[offset].kind);
			j++
		:: else -> break
		od;
		if
		:: found -> offset++
		:: else -> break
		fi
	:: else -> break
	od
}

proctype compaction()
{
end:
	do
	:: d_step { cleaned < commits_end ->
		cleaned++; printf("compaction: up to offset %d\n", cleaned) }
	od
}

/* --- the follower --------------------------------------------------------- */

#define IGNORE 0
#define DROP 1
#define SET 2

#define MARK_IGNORE 0
#define ADVANCE 1
#define JUMP 2

typedef Follower {
	bool started;
	byte watermark;
	byte seen;
	byte since;
	byte next
};

inline follower_clear(f)
{
	f.started = false;
	f.watermark = 0;
	f.seen = 0;
	f.since = 0;
	f.next = 0
}

inline follower_start(f, at)
{
	f.started = true;
	f.watermark = at
}

inline follower_reset(f)
{
	f.started = false;
	f.watermark = 0
}

inline follower_hear(f, offset)
{
	if
	:: offset != f.next && (f.next == 0 -> START_RULE : HOLE_RULE) ->
		f.since = offset
	:: else
	fi;
	f.next = offset + 1
}

/* Sets `what`. */
inline follower_record(f, its)
{
	if
	:: IGNORE_RULE && f.started && its < f.watermark -> what = IGNORE
	:: else ->
		if
		:: its + 1 < f.seen -> what = (DROP_RULE -> DROP : SET)
		:: else ->
			f.seen = its + 1;
			what = SET
		fi
	fi
}

#define NO_NEWS(f, mk) \
	(f.started && (PAST_RULE -> mk.through <= f.watermark : \
	mk.through == f.watermark))

/* Sets `what`. */
inline follower_mark(f, mk)
{
	if
	:: NO_NEWS(f, mk) -> what = MARK_IGNORE
	:: else ->
		contiguous = f.started &&
		    (!GAP_RULE || mk.version <= f.watermark) &&
		    (!AFTER_RULE || mk.begin >= f.since);
		f.started = true;
		f.watermark = mk.through;
		what = (contiguous -> ADVANCE : JUMP);
		if
		:: !SEEN_RULE && what == JUMP -> f.seen = 0
		:: else
		fi
	fi
}

#define BASE(f) (BASE_RULE -> MAX(f.seen, f.watermark) : f.watermark)
