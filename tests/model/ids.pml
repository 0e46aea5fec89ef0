/* Whose a block of generated ids is: api/write/id_reserve.c, api/write/id_log.c, the sequence in
 * Postgres, the topic sluice.ids.
 *
 * Blocks are numbered. An instance asks the sequence for one, appends a record,
 * and gives the block out once it has read that record back and found no record
 * of the block in front of it. Between any two of these steps anything may
 * happen: the other instance's steps, a failover that puts the sequence back, a
 * topic that is made again, the end of the instance.
 *
 * Two stores that are lost at once are no case of it: a failover happens while
 * the topic has every block that was given out, and the topic is made again
 * while the sequence, and what it has answered, is past every such block.
 *
 * No block is given out twice: `given` says so.
 */
#ifndef READ_BACK
#define READ_BACK true /* give out after reading the record, not before */
#endif
#ifndef FIRST_ONLY
#define FIRST_ONLY true /* of two records of a block only the first counts */
#endif
#ifndef ALL_BELOW
#define ALL_BELOW true /* the first record takes what is below it, too */
#endif
#ifndef READ_ANEW
#define READ_ANEW true /* a topic that was made again is read from its start */
#endif
#ifndef FROM_START
#define FROM_START true /* an instance that starts reads all of the topic */
#endif

#ifndef BLOCKS
#define BLOCKS 3
#endif
#ifndef RECORDS
#define RECORDS 4
#endif
#ifndef FAILOVERS
#define FAILOVERS 1
#endif
#ifndef CRASHES
#define CRASHES 1
#endif

#define BIT(b) (1 << (b))
#define UP_TO(b) (BIT((b) + 1) - 1)

byte seq;	     /* the next block of the sequence */
byte given;	     /* blocks that were given out */
byte answers[2];     /* of the sequence, on their way: blocks, as bits */
byte block[RECORDS]; /* the topic: the record's block, */
byte by[RECORDS];    /* and its claim */
byte end;
byte told;	     /* blocks that the topic says are taken */
byte topic;	     /* how often it was made again */
byte claims;	     /* ever */
byte failovers, crashes;

inline give(b)
{
	assert(!(given & BIT(b))); /* twice */
	given = given | BIT(b)
}

/* What a record takes; and what a reader makes of it. */
#define TAKES(at, b) ((at) == 0 -> UP_TO(b) : BIT(b))
#define READS(at, b) ((at) == 0 && ALL_BELOW -> UP_TO(b) : BIT(b))

proctype instance(byte me)
{
	byte known;	 /* blocks that are taken, as far as it has read */
	byte at;	 /* the next record to read */
	byte its_topic;
	byte wanted;	 /* a block */
	byte claim;	 /* of it; 0: none is open */
	bool asked;

	do
	/* Ask: past what it knows to be taken. */
	:: atomic {
		!asked && claim == 0 && seq < BLOCKS ->
		do
		:: seq < BLOCKS && (known & BIT(seq)) -> seq++
		:: else -> break
		od;
		if
		:: seq < BLOCKS ->
			wanted = seq;
			seq++;
			answers[me] = BIT(wanted);
			asked = true
		:: else
		fi
	}
#ifdef ALONE
	/* Without Postgres: any that is free, as far as it knows. */
	:: atomic {
		!asked && claim == 0 ->
		select(wanted : 0 .. BLOCKS - 1);
		asked = !(known & BIT(wanted))
	}
#endif
	/* Append. */
	:: atomic {
		asked && end < RECORDS ->
		block[end] = wanted;
		claims++;
		claim = claims;
		by[end] = claim;
		told = told | TAKES(end, wanted);
		end++;
		asked = false;
		answers[me] = 0;
		if
		:: !READ_BACK -> give(wanted)
		:: else
		fi
	}
	/* Read on. */
	:: atomic {
		its_topic == topic && at < end ->
		if
		:: claim > 0 && by[at] == claim ->
			claim = 0;
			if
			:: READ_BACK && (!FIRST_ONLY || !(known & BIT(block[at]))) ->
				give(block[at])
			:: else
			fi
		:: else
		fi;
		known = known | READS(at, block[at]);
		at++
	}
	/* It was made again: what was read before counts on. */
	:: atomic {
		its_topic != topic ->
		its_topic = topic;
		if
		:: READ_ANEW -> at = 0
		:: !READ_ANEW && at > end -> at = end
		:: else
		fi
	}
	/* Its record does not come: it gives it up. */
	:: claim > 0 -> claim = 0
	/* It dies, and another one starts in its place. */
	:: atomic {
		crashes > 0 ->
		crashes--;
		known = 0;
		asked = false;
		answers[me] = 0;
		claim = 0;
		its_topic = topic;
		at = (FROM_START -> 0 : end);
		wanted = 0
	}
	:: timeout -> break
	od
}

/* The standby had not got the last ones. */
proctype failover()
{
	byte back;
	do
	:: atomic {
		failovers > 0 && seq > 0 && (given & told) == given ->
		failovers--;
		select(back : 0 .. BLOCKS - 1);
		seq = (back < seq -> back : seq)
	}
	:: timeout -> break
	od
}

proctype made_again()
{
	if
#ifdef ANEW
	:: atomic {
		given < BIT(seq) && told < BIT(seq) && end > 0 &&
		    !(given & (answers[0] | answers[1])) ->
		end = 0;
		told = 0;
		topic++
	}
#endif
	:: timeout
	fi
}

init {
	atomic {
		failovers = FAILOVERS;
		crashes = CRASHES;
		run instance(0);
		run instance(1);
		run failover();
		run made_again()
	}
}
