#include "api/write/id_log.h"

#include "common/base/check.h"
#include "common/base/mem.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct claim {
	uint64_t number;
	mono_us_t since;
};

struct lane {
	struct id_range *ranges; /* ascending, not touching each other */
	size_t n, cap;
	struct claim claims[IDLOG_CLAIMS];
	size_t nclaims;
	struct id_range rowless;
	int64_t block; /* 0: Postgres has not told */
};

struct idlog {
	pthread_mutex_t lock;
	struct lane *lanes;
	size_t n;
	uint64_t numbers; /* claims, ever */
};

struct idlog *idlog_new(size_t n)
{
	struct idlog *l = MEM_NEW(struct idlog);
	CHECK_OS(pthread_mutex_init(&l->lock, NULL));
	l->lanes = mem_zalloc((n + 1) * sizeof *l->lanes);
	l->n = n;
	return l;
}

void idlog_free(struct idlog **lp)
{
	struct idlog *l = *lp;
	if (l == NULL)
		return;
	for (size_t i = 0; i < l->n; i++)
		free(l->lanes[i].ranges);
	CHECK_OS(pthread_mutex_destroy(&l->lock));
	free(l->lanes);
	free(l);
	*lp = NULL;
}

static struct lane *enter(struct idlog *l, size_t collection)
{
	CHECK(collection < l->n);
	CHECK_OS(pthread_mutex_lock(&l->lock));
	return &l->lanes[collection];
}

static void leave(struct idlog *l)
{
	CHECK_OS(pthread_mutex_unlock(&l->lock));
}

/* --- the ranges ----------------------------------------------------------- */

/* The first that ends behind `id`; lane->n: none. */
static size_t find(const struct lane *lane, int64_t id)
{
	size_t low = 0, high = lane->n;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (lane->ranges[middle].end > id)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

static bool is_free(const struct lane *lane, struct id_range r, int64_t *past)
{
	size_t i = find(lane, r.first);
	if (i == lane->n || lane->ranges[i].first >= r.end)
		return true;
	*past = lane->ranges[i].end;
	return false;
}

/* Those from i up to `to` become r. */
static void replace(struct lane *lane, size_t i, size_t to, struct id_range r)
{
	MEM_GROW(lane->ranges, lane->cap, lane->n);
	memmove(
	    &lane->ranges[i + 1], &lane->ranges[to], (lane->n - to) * sizeof r);
	lane->ranges[i] = r;
	lane->n += i + 1 - to;
}

static void add(struct lane *lane, struct id_range r)
{
	if (lane->n == 0)
		r.first = INT64_MIN;
	size_t i = find(lane, r.first), to = i;
	if (i > 0 && lane->ranges[i - 1].end == r.first)
		to = i--;
	while (to < lane->n && lane->ranges[to].first <= r.end)
		to++;
	if (i < to && lane->ranges[i].first < r.first)
		r.first = lane->ranges[i].first;
	if (i < to && lane->ranges[to - 1].end > r.end)
		r.end = lane->ranges[to - 1].end;
	replace(lane, i, to, r);
	if (lane->n > IDLOG_RANGES)
		replace(lane, 0, 2,
		    (struct id_range){
			lane->ranges[0].first, lane->ranges[1].end});
}

bool idlog_is_free(
    struct idlog *l, size_t collection, struct id_range range, int64_t *past)
{
	bool is = is_free(enter(l, collection), range, past);
	leave(l);
	return is;
}

/* --- claims --------------------------------------------------------------- */

uint64_t idlog_claim(
    struct idlog *l, size_t collection, size_t n, mono_us_t now)
{
	struct lane *lane = enter(l, collection);
	bool room = n <= IDLOG_CLAIMS - lane->nclaims;
	uint64_t first = room ? l->numbers + 1 : 0;
	n = room ? n : 0;
	for (size_t i = 0; i < n; i++)
		lane->claims[lane->nclaims++] =
		    (struct claim){++l->numbers, now};
	leave(l);
	return first;
}

static bool end_claim(struct lane *lane, uint64_t number)
{
	for (size_t i = 0; i < lane->nclaims; i++) {
		if (lane->claims[i].number != number)
			continue;
		lane->claims[i] = lane->claims[--lane->nclaims];
		return true;
	}
	return false;
}

void idlog_drop(
    struct idlog *l, size_t collection, uint64_t number, size_t *left)
{
	struct lane *lane = enter(l, collection);
	end_claim(lane, number);
	*left = lane->nclaims;
	leave(l);
}

bool idlog_give_up(
    struct idlog *l, size_t collection, dur_us_t most, mono_us_t now)
{
	struct lane *lane = enter(l, collection);
	bool over = lane->nclaims > 0 && lane->claims[0].since + most <= now;
	if (over)
		lane->nclaims = 0;
	leave(l);
	return over;
}

/* --- records -------------------------------------------------------------- */

enum idlog_heard idlog_hear(struct idlog *l, size_t collection,
    struct id_range range, uint64_t number, size_t *left)
{
	int64_t past;
	struct lane *lane = enter(l, collection);
	bool mine = number && end_claim(lane, number);
	bool valid = is_free(lane, range, &past);
	add(lane, range);
	*left = lane->nclaims;
	leave(l);
	if (!mine)
		return IDLOG_OTHERS;
	return valid ? IDLOG_MINE : IDLOG_LOST;
}

/* --- without Postgres ----------------------------------------------------- */

void idlog_told(
    struct idlog *l, size_t collection, struct id_range rowless, int64_t block)
{
	struct lane *lane = enter(l, collection);
	lane->rowless = rowless;
	lane->block = block;
	leave(l);
}

int64_t idlog_block(struct idlog *l, size_t collection)
{
	int64_t block = enter(l, collection)->block;
	leave(l);
	return block;
}

/* The place of n ids that nobody has taken, from `first` on. False: there is
 * none below `end`. */
static bool place(
    const struct lane *lane, struct id_range within, int64_t n, int64_t *first)
{
	/* Below 0 there could be no differences. */
	if (within.first < 0 || within.end < within.first)
		return false;
	*first = within.first;
	size_t i = find(lane, *first);
	for (; i < lane->n && (lane->ranges[i].first < *first ||
				  lane->ranges[i].first - *first < n);
	     i++)
		*first = lane->ranges[i].end;
	return *first <= within.end - n;
}

bool idlog_next(
    struct idlog *l, size_t collection, unsigned blocks, struct id_range *out)
{
	struct lane *lane = enter(l, collection);
	int64_t n = lane->block * (int64_t)blocks;
	bool any =
	    lane->block > 0 && place(lane, lane->rowless, n, &out->first);
	out->end = any ? out->first + n : 0;
	leave(l);
	return any;
}
