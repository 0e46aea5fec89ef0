/* Touches (docs/invariants.md, INV-10): another program changes the row of a key,
 * and the caches must hear of it.
 *
 * A trigger notes the change in the outbox. The pump of the writer appends a touch
 * to the log and then deletes the note. The writer applies the touch: it takes the
 * row as it is, gives it the touch's version, and announces it. A client of Sluice
 * replaces the row once, at any time. The pump and the writer may die between any
 * two steps, and a failover may take the last commits from Postgres. A reader gets
 * any state that Postgres ever had, and keeps it as long as it likes. A writer that
 * dies while it applies the log again after a failover is left out, as in the
 * model of the outcomes.
 *
 * The value of a row is a number: that of the change which made it. So a greater
 * value is a newer one. Some values say that the row is gone. A row is made with
 * version 0 by other programs, and with its place in the log, from 1, by the
 * writer. A record and its mark are one step here: the models of the caches and of
 * the atomic batches take them apart.
 */
#ifndef NOTED_TOGETHER
#define NOTED_TOGETHER true /* the change and its note are one transaction */
#endif
#ifndef DELETED_LAST
#define DELETED_LAST true /* the note is deleted when the log has the touch */
#endif
#ifndef AS_IT_IS
#define AS_IT_IS true /* a touch takes the row that its transaction finds */
#endif
#ifndef NEW_VERSION
#define NEW_VERSION true /* and announces it with its own version */
#endif
#ifndef GAP_TELLS
#define GAP_TELLS true /* also if a gap has the touch of a row that was gone */
#endif
#ifndef TOLD_AGAIN
#define TOLD_AGAIN true /* a touch that is applied again starts anew */
#endif

#ifndef CHANGES
#define CHANGES 2 /* by other programs */
#endif
#ifndef PUTS
#define PUTS 0
#endif
#ifndef CRASHES
#define CRASHES 0 /* of the pump or the writer */
#endif
#ifndef FAILOVERS
#define FAILOVERS 0
#endif
#define VALUES 8
#define COMMITS 20
#define PLACES 8
#define ENTRIES 20

#define TOUCH 1
#define PUT 2

/* The values that say that the row is gone. */
bool gone[VALUES];
byte newest; /* the last value that was made */

/* Postgres: a state for each commit. */
byte row[COMMITS], version[COMMITS], applied[COMMITS], outbox[COMMITS];
byte now;

byte op[PLACES], end; /* sluice.writes, from 1 */

/* sluice.commits: what a record says, and up to where its mark reaches. */
byte says[ENTRIES], as_version[ENTRIES], through[ENTRIES];
bool anew[ENTRIES];
byte entries, marked;

byte known[PLACES]; /* the value as of each place */
byte crashes, done;
bool pump_dies, writer_dies, announces;

inline commit(value_, version_, applied_, outbox_)
{
	assert(now + 1 < COMMITS);
	row[now + 1] = value_;
	version[now + 1] = version_;
	applied[now + 1] = applied_;
	outbox[now + 1] = outbox_;
	now++
}

inline log(what)
{
	atomic {
		end++;
		assert(end < PLACES);
		op[end] = what
	}
}

proctype others()
{
	byte n, v, was;
	do
	:: n < CHANGES ->
		atomic {
			newest++;
			v = newest;
			/* A row that is gone can only be inserted. */
			if
			:: !gone[row[now]] -> gone[v] = true
			:: gone[v] = false
			fi;
			was = version[now];
			if
			:: gone[v] || gone[row[now]] -> was = 0
			:: else
			fi;
			commit(v, was, applied[now],
			    (outbox[now] | (NOTED_TOGETHER << n)));
			was = 0
		}
		if
		:: NOTED_TOGETHER
		:: !NOTED_TOGETHER ->
			if
			:: atomic {
				commit(row[now], version[now], applied[now],
				    outbox[now] | (1 << n))
			   }
			:: skip /* it died */
			fi
		fi;
		n++
	:: else -> break
	od;
	done++
}

proctype clients()
{
	byte n;
	do
	:: n < PUTS -> log(PUT); n++
	:: else -> break
	od;
	done++
}

inline forget(notes)
{
	atomic {
		if
		:: outbox[now] & notes ->
			commit(row[now], version[now], applied[now],
			    outbox[now] & (15 - notes))
		:: else
		fi
	}
}

proctype pump()
{
	byte notes;
	do
	:: atomic { outbox[now] != 0 -> notes = outbox[now] }
	   if
	   :: DELETED_LAST -> log(TOUCH); forget(notes)
	   :: else -> forget(notes); log(TOUCH)
	   fi;
	   notes = 0
	od unless { atomic { pump_dies -> pump_dies = false; run pump() } }
}

inline announce(value_, version_, upto, again)
{
	atomic {
		assert(entries < ENTRIES);
		says[entries] = value_;
		as_version[entries] = version_;
		through[entries] = upto;
		anew[entries] = again;
		entries++;
		marked = (upto > marked -> upto : marked)
	}
}

/* The place `at` was committed, but perhaps not announced. */
inline announce_gap(place)
{
	atomic {
		if
		:: version[now] >= place ->
			announce(row[now], version[now], place, false)
		:: version[now] < place && op[place] == TOUCH && GAP_TELLS ->
			announce(known[place], place, place, false)
		:: else ->
			/* After a put, others deleted the row and inserted it
			 * again. Nothing of it is announced: the next touch is. */
			announce(row[now], 0, place, false);
			known[place] = known[place - 1]
		fi
	}
}

proctype writer()
{
	byte at, value, was, made;
	do
	:: at = applied[now];
	   do
	   :: atomic { marked < at && applied[now] >= at } ->
		announce_gap(marked + 1)
	   :: else -> break
	   od;
	   do
	   :: at < end ->
		atomic { value = row[now]; was = version[now] }
		if
		:: atomic {
			applied[now] == at ->
			at++;
			if
			:: op[at] == PUT ->
				newest++;
				value = newest;
				was = at
			:: op[at] == TOUCH ->
				value = (AS_IT_IS -> row[now] : value);
				assert(value >= row[now]); /* INV-10: not undone */
				was = (AS_IT_IS -> version[now] : was)
			fi;
			made = ((op[at] == PUT || !gone[value]) -> at : 0);
			commit(value, made, at, outbox[now]);
			known[at] = value;
			announces = true
		   }
		:: atomic { applied[now] != at -> break } /* fenced */
		fi;
		made = (NEW_VERSION -> at : was);
		announce(value, made, at,
		    TOLD_AGAIN && op[at] == TOUCH && at <= marked);
		announces = false
	   :: applied[now] < at -> break /* it went back */
	   od
	od unless { atomic { writer_dies -> writer_dies = false; announces = false; run writer() } }
}

proctype death()
{
	do
	:: atomic { crashes > 0 && !pump_dies -> crashes--; pump_dies = true }
	:: atomic { crashes > 0 && !writer_dies -> crashes--; writer_dies = true }
	:: crashes == 0 -> break
	:: break
	od
}

/* The standby had not got the last commits. */
proctype failover()
{
	byte back;
	if
	:: FAILOVERS > 0 ->
		atomic {
			select(back : 0 .. now);
			now = back;
			back = 0
		}
	:: true
	fi;
	done++
}

/* Nothing is left to do. */
#define QUIET                                                                  \
	(done == 3 && outbox[now] == 0 && applied[now] == end && marked == end && \
	    !announces && !pump_dies && !writer_dies)

/* A cache, and an instance that reads through it: the value that it holds, as of
 * what place; the floor of the key; the place that it has heard of. It begins when
 * all others are done, and loses no behaviour by that: nobody waits for it, and it
 * reads any state that there was. */
proctype cache()
{
	byte at, k, entry, as_of, floor, heard;
	QUIET;
	do
	:: atomic {
		at < entries ->
		if
		:: anew[at] || through[at] > heard ->
			floor = ((anew[at] || as_version[at] > floor) -> as_version[at] : floor);
			if
			:: as_version[at] == through[at] || anew[at] ->
				entry = says[at];
				as_of = through[at]
			:: else
			fi;
			heard = through[at]
		:: else
		fi;
		at++
	   }
	:: atomic {
		select(k : 0 .. now);
		if
		:: applied[k] >= floor -> entry = row[k]; as_of = applied[k]
		:: else
		fi;
		k = 0
	   }
	:: atomic {
		as_of >= floor ->
		assert(entry >= known[heard]); /* INV-1 */
		assert(at < entries || entry == row[now]) /* INV-10: heard of */
	   }
	od
}

init {
	atomic {
		crashes = CRASHES;
		run others();
		run clients();
		run pump();
		run writer();
		run death();
		run failover();
		run cache()
	}
}
