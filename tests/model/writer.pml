/* The primary and the writers.
 *
 * A writer takes the partition when it likes, commits batches as long as the
 * fence lets it, and hands what it has to announce to its producer, whose queue
 * drains in order, as late as it likes: the late, stalled writer. One that dies
 * is one that stalls for good, and its log is the beginning of one that speaks
 * on at last; DIES lets it happen nevertheless.
 */
#define QUEUE 10

/* The acknowledgement of all before is there when an announcement begins, so
 * that `after` is as high as it may be; or it comes as late as it likes. */
#ifdef PROMPT
#define ACKS_ARE_PROMPT true
#else
#define ACKS_ARE_PROMPT false
#endif

byte taken; /* how many writers have begun: one after the other */

/* --- announcements -------------------------------------------------------- */

inline push(k, its, up_to, after)
{
	assert(queued < QUEUE);
	queue[queued].kind = k;
	queue[queued].version = its;
	queue[queued].through = up_to;
	queue[queued].begin = after;
	queued++
}

inline pop()
{
	i = 0;
	do
	:: i + 1 < queued ->
		queue[i].kind = queue[i + 1].kind;
		queue[i].version = queue[i + 1].version;
		queue[i].through = queue[i + 1].through;
		queue[i].begin = queue[i + 1].begin;
		i++
	:: else -> break
	od;
	queued--;
	queue[queued].kind = 0;
	queue[queued].version = 0;
	queue[queued].through = 0;
	queue[queued].begin = 0
}

/* writer/takeover/gap.c: the row as it is now, under its own version; which write took
 * it is not known. For a batch, of its own rows: writer/batch/batch.c. */
inline announce_key(k, from, to, rows)
{
	label = NEWEST(k, to);
	row = NEWEST(k, rows);
	if
	:: label > from && !PRESENT(row) -> push(k, label - 1, row, 0)
	:: label > from && PRESENT(row) && row > from -> push(k, row - 1, row, 0)
	:: else
	fi
}

/* The writes of [from, to) with their rows as of `rows`; records stand in the
 * order of their keys, whichever that is. */
inline announce(from, to, rows, key_first)
{
	if
	:: MARK_LAST
	:: else -> push(MARK, from, to, acknowledged)
	fi;
	if
	:: key_first ->
		announce_key(KEY, from, to, rows);
		announce_key(OTHER, from, to, rows)
	:: else ->
		announce_key(OTHER, from, to, rows);
		announce_key(KEY, from, to, rows)
	fi;
	if
	:: MARK_LAST -> push(MARK, from, to, acknowledged)
	:: else
	fi
}

/* writer/commits/announce.c: Kafka has the next message. */
inline deliver()
{
	if
	:: queue[0].kind == MARK && !AFTER_IS_OLD -> queue[0].begin = commits_end
	:: queue[0].kind == MARK && AFTER_IS_OLD && ACKS_ARE_PROMPT ->
		queue[0].begin = acknowledged
	:: else
	fi;
	append(queue[0]);
	tell_message(commits_end - 1);
	if
	:: queue[0].kind == MARK || !ACKS_ARE_PROMPT ->
		acknowledged = commits_end
	:: else
	fi;
	pop()
}

/* --- takeover and batches ------------------------------------------------- */

/* writer/takeover/last_mark.c: the highest there is, since the last may be late; where
 * compaction took that one, the last. */
inline find_marks(highest)
{
	announced = 0;
	i = 0;
	do
	:: i < commits_end ->
		if
		:: commits[i].kind == MARK &&
		    (!highest || commits[i].through > announced) ->
			announced = commits[i].through
		:: else
		fi;
		i++
	:: else -> break
	od;
	acknowledged = commits_end
}

/* writer/takeover/gap.c: the gap up to there, from the rows as they are now. */
#define MAY_ANNOUNCE(n) \
	(announced + n <= watermark && GAP && (pg >= watermark || !GAP_CHECK))
inline announce_gap(to, key_first)
{
	printf("writer %d: announces the gap [%d, %d) from rows of %d\n",
	    number, announced, to, pg);
	announce(announced, to, pg, key_first);
	announced = to
}

/* The transaction of [watermark, to), begun with the fence, its announcement
 * handed to the producer. */
inline commit(to, key_first)
{
	if
	:: pg == watermark ->
		printf("writer %d: commits [%d, %d)\n", number, watermark, to);
		pg = to;
		pg_ever = MAX(pg, pg_ever);
		announce(watermark, to, to, key_first);
		watermark = to
	:: else -> fenced = true; printf("writer %d: is fenced\n", number)
	fi
}

/* INV-5: what is committed is announced. */
inline all_is_announced()
{
	i = 0;
	found = (watermark == 0 || pg != watermark);
	do
	:: i < commits_end ->
		found = found || (commits[i].kind == MARK &&
		    commits[i].through >= watermark);
		i++
	:: else -> break
	od;
	assert(found)
}

#define MAY_COMMIT(n) \
	(!fenced && watermark + n <= VERSIONS && queued + 3 <= QUEUE)

proctype writer(byte number)
{
	Message queue[QUEUE];
	byte queued;
	byte watermark, announced, acknowledged;
	bool fenced, drained;

taking: /* writer/takeover/takeover.c: PROGRESS, MARKS, GAPS */
	atomic {
		taken >= number -> taken = MAX(taken, number + 1);
		watermark = pg;
		printf("writer %d: takes the partition at %d\n", number, watermark)
	}
	if
	:: d_step { true -> find_marks(HIGHEST_MARK) }
#ifdef COMPACTION
	:: d_step { true -> find_marks(false) }
#endif
	fi;
	do
	:: announced >= watermark || !GAP -> break
	:: announced < watermark && GAP && !MAY_ANNOUNCE(1) -> goto taking
	:: d_step { MAY_ANNOUNCE(1) -> announce_gap(watermark, true) }
	:: d_step { MAY_ANNOUNCE(1) -> announce_gap(watermark, false) }
#ifdef PIECES
	:: d_step { MAY_ANNOUNCE(2) -> announce_gap(announced + 1, true) }
	:: d_step { queued > 0 -> deliver() }
#endif
#ifdef LOST /* the log does not reach back that far */
	:: d_step { announced < watermark && GAP ->
		push(MARK, watermark, watermark, acknowledged);
		printf("writer %d: the gap is lost\n", number);
		announced = watermark }
#endif
	od;
	announced = 0;

	do /* writer/batch/partition.c */
	:: d_step { MAY_COMMIT(1) -> commit(watermark + 1, true) }
	:: d_step { MAY_COMMIT(2) -> commit(watermark + 2, true) }
	:: d_step { MAY_COMMIT(2) -> commit(watermark + 2, false) }
	:: d_step { MAY_COMMIT(3) -> commit(watermark + 3, true) }
	:: d_step { MAY_COMMIT(3) -> commit(watermark + 3, false) }
	:: d_step { queued > 0 -> deliver() }
	:: d_step { queued == 0 && !fenced && !drained && watermark == VERSIONS ->
		all_is_announced(); drained = true }
	:: queued == 0 && (fenced || drained) -> break
#ifdef DIES
	:: true -> break
#endif
	od
}

/* A standby that had not got everything is promoted. */
#ifdef FAILOVER
inline lose(n)
{
	pg = pg - n;
	printf("failover: the primary is at %d\n", pg)
}

proctype failover()
{
	if
	:: d_step { pg >= 1 -> lose(1) }
	:: d_step { pg >= 2 -> lose(2) }
	:: d_step { pg >= 3 -> lose(3) }
	:: true
	fi
}
#endif
