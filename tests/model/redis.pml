/* Redis, as far as one partition and one key go, and the scripts
 * (common/cache/l2_*.lua).
 *
 * An entry is told by its row plus one; 0: there is none. The turn is a random
 * number in Redis; here it is who would recognise it.
 */
typedef Redis {
	bool initialised; /* it has a watermark */
	byte watermark;
	byte base;   /* the field `base` of the floors */
	byte floor;  /* the field of the key's bucket; 0: there is none */
	byte cursor;
	byte entry;
	byte turn    /* bits: the projectors that know this turn */
};

Redis redis;

/* INV-2 */
inline redis_holds()
{
	assert(!redis.initialised || redis.entry == 0 ||
	    redis.entry - 1 >= NEWEST(KEY, redis.watermark))
}

/* --- turns ---------------------------------------------------------------- */

#ifdef RESTORE
Redis dump;
bool dump_is_now; /* it has the present turn */
#endif

inline take_turn()
{
	redis.turn = 1 << me;
#ifdef RESTORE
	dump.turn = dump.turn & ~(1 << me);
	dump_is_now = false
#endif
}

inline learn_turn()
{
	redis.turn = redis.turn | (1 << me);
#ifdef RESTORE
	if
	:: dump_is_now -> dump.turn = dump.turn | (1 << me)
	:: else -> dump.turn = dump.turn & ~(1 << me)
	fi
#endif
}

/* --- the scripts ---------------------------------------------------------- */

#define FLOOR (redis.floor > 0 -> redis.floor : redis.base)

/* By any reader, of what Postgres said once. */
inline l2_fill(as_of)
{
	if
	:: !redis.initialised && FILL_INITIALISED
	:: as_of < FLOOR && FILL_REFUSAL
	:: else ->
		redis.entry = NEWEST(KEY, as_of) + 1;
		printf("redis: takes a fill of %d\n", as_of)
	fi;
	redis_holds()
}

/* Without turns there is still the watermark. */
#define MAY_APPLY \
	(redis.initialised && ((redis.turn & (1 << me)) || \
	(!APPLY_TURN && redis.watermark == c.from)))

inline raise_floor(to)
{
	if
	:: (BASE_STAYS -> FLOOR : redis.floor) < to || !FLOOR_GROWS ->
		redis.floor = to
	:: else
	fi
}

inline l2_apply()
{
	if
	:: c.other > 0 -> raise_floor(c.other)
	:: else
	fi;
	if
	:: c.has ->
		raise_floor(c.floor);
		if
		:: c.set -> redis.entry = c.row + 1
		:: else ->
			if
			:: redis.entry > 0 && PRESENT(redis.entry - 1) &&
			    (redis.entry - 1 >= c.floor || !KEPT_IS_NEWER)
			:: else -> redis.entry = 0
			fi
		fi
	:: else
	fi;
	redis.watermark = c.to;
	redis.cursor = c.cursor;
	printf("redis: applies to %d, floor %d, row %d\n", c.to, FLOOR,
	    redis.entry - 1);
	take_turn();
	redis_holds()
}

#define MAY_START \
	((redis.initialised == c.initialised && redis.watermark == c.from) || \
	!START_FENCE)

inline l2_start()
{
	redis.initialised = true;
	redis.watermark = c.to;
	redis.base = (BASE_FLOOR -> BASE(f) : 0);
	redis.floor = 0;
	redis.cursor = c.cursor;
	if
	:: GENERATION -> redis.entry = 0
	:: else
	fi;
	printf("redis: starts at %d, base %d\n", c.to, redis.base);
	take_turn();
	redis_holds()
}

/* --- what else happens to it ---------------------------------------------- */

inline copy(to, from)
{
	to.initialised = from.initialised;
	to.watermark = from.watermark;
	to.base = from.base;
	to.floor = from.floor;
	to.cursor = from.cursor;
	to.entry = from.entry;
	to.turn = from.turn
}

proctype surroundings()
{
	bool flushed, dumped, restored;

end:
	do
	/* Evicted, expired, or purged. */
	:: d_step { redis.entry > 0 ->
		redis.entry = 0; printf("redis: evicts\n") }
	:: d_step { true -> l2_fill(0) }
	:: d_step { pg_ever >= 1 -> l2_fill(1) }
	:: d_step { pg_ever >= 2 -> l2_fill(2) }
	:: d_step { pg_ever >= 3 -> l2_fill(3) }
	:: d_step { pg_ever >= 4 -> l2_fill(4) }
#ifdef FLUSH
	:: d_step { !flushed ->
		flushed = true;
		printf("redis: is flushed\n");
		redis.initialised = false;
		redis.watermark = 0;
		redis.base = 0;
		redis.floor = 0;
		redis.cursor = 0;
		redis.entry = 0;
		redis.turn = 0;
#ifdef RESTORE
		dump_is_now = false
#endif
		}
#endif
#ifdef RESTORE
	:: d_step { !dumped && redis.initialised ->
		dumped = true; dump_is_now = true; copy(dump, redis);
		printf("redis: dumps\n") }
	:: d_step { dumped && !restored ->
		restored = true; dump_is_now = true; copy(redis, dump);
		printf("redis: is restored\n") }
#endif
	od
}
