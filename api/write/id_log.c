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

struct taken {
	struct id_range *ranges; /* ascending; they do not touch each other */
	size_t n, cap;
	struct claim claims[ID_LOG_CLAIMS];
	size_t nclaims;
	struct id_range rowless;
	int64_t block; /* 0: Postgres has not answered yet */
};

struct id_log {
	pthread_mutex_t lock;
	struct taken *taken;
	size_t n;
	uint64_t numbers; /* number of claims ever made */
};

struct id_log *id_log_new(size_t n)
{
	struct id_log *l = MEM_NEW(struct id_log);
	CHECK_OS(pthread_mutex_init(&l->lock, NULL));
	l->taken = mem_zalloc((n + 1) * sizeof *l->taken);
	l->n = n;
	return l;
}

void id_log_free(struct id_log **lp)
{
	struct id_log *l = *lp;
	if (l == NULL)
		return;
	for (size_t i = 0; i < l->n; i++)
		free(l->taken[i].ranges);
	CHECK_OS(pthread_mutex_destroy(&l->lock));
	free(l->taken);
	free(l);
	*lp = NULL;
}

static struct taken *id_log_enter(struct id_log *l, size_t collection)
{
	CHECK(collection < l->n);
	CHECK_OS(pthread_mutex_lock(&l->lock));
	return &l->taken[collection];
}

static void id_log_leave(struct id_log *l)
{
	CHECK_OS(pthread_mutex_unlock(&l->lock));
}

/* --- the ranges ----------------------------------------------------------- */

/* The first range that ends after `id`; taken->n: none. */
static size_t id_log_find(const struct taken *taken, int64_t id)
{
	size_t low = 0, high = taken->n;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (taken->ranges[middle].end > id)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

static bool is_free(const struct taken *taken, struct id_range r, int64_t *past)
{
	size_t i = id_log_find(taken, r.first);
	if (i == taken->n || taken->ranges[i].first >= r.end)
		return true;
	*past = taken->ranges[i].end;
	return false;
}

/* Replaces the ranges from i to `to` (exclusive) by r. */
static void id_log_replace(
    struct taken *taken, size_t i, size_t to, struct id_range r)
{
	MEM_GROW(taken->ranges, taken->cap, taken->n);
	memmove(&taken->ranges[i + 1], &taken->ranges[to],
	    (taken->n - to) * sizeof r);
	taken->ranges[i] = r;
	taken->n += i + 1 - to;
}

static void id_log_add(struct taken *taken, struct id_range r)
{
	if (taken->n == 0)
		r.first = INT64_MIN;
	size_t i = id_log_find(taken, r.first), to = i;
	if (i > 0 && taken->ranges[i - 1].end == r.first)
		to = i--;
	while (to < taken->n && taken->ranges[to].first <= r.end)
		to++;
	if (i < to && taken->ranges[i].first < r.first)
		r.first = taken->ranges[i].first;
	if (i < to && taken->ranges[to - 1].end > r.end)
		r.end = taken->ranges[to - 1].end;
	id_log_replace(taken, i, to, r);
	if (taken->n > ID_LOG_RANGES)
		id_log_replace(taken, 0, 2,
		    (struct id_range){
			taken->ranges[0].first, taken->ranges[1].end});
}

bool id_log_is_free(
    struct id_log *l, size_t collection, struct id_range range, int64_t *past)
{
	bool is = is_free(id_log_enter(l, collection), range, past);
	id_log_leave(l);
	return is;
}

/* --- claims --------------------------------------------------------------- */

uint64_t id_log_claim(
    struct id_log *l, size_t collection, size_t n, mono_us_t now)
{
	struct taken *taken = id_log_enter(l, collection);
	bool room = n <= ID_LOG_CLAIMS - taken->nclaims;
	uint64_t first = room ? l->numbers + 1 : 0;
	n = room ? n : 0;
	for (size_t i = 0; i < n; i++)
		taken->claims[taken->nclaims++] =
		    (struct claim){++l->numbers, now};
	id_log_leave(l);
	return first;
}

static bool end_claim(struct taken *taken, uint64_t number)
{
	for (size_t i = 0; i < taken->nclaims; i++) {
		if (taken->claims[i].number != number)
			continue;
		taken->claims[i] = taken->claims[--taken->nclaims];
		return true;
	}
	return false;
}

void id_log_drop(
    struct id_log *l, size_t collection, uint64_t number, size_t *left)
{
	struct taken *taken = id_log_enter(l, collection);
	end_claim(taken, number);
	*left = taken->nclaims;
	id_log_leave(l);
}

bool id_log_give_up(
    struct id_log *l, size_t collection, dur_us_t most, mono_us_t now)
{
	struct taken *taken = id_log_enter(l, collection);
	bool over = taken->nclaims > 0 && taken->claims[0].since + most <= now;
	if (over)
		taken->nclaims = 0;
	id_log_leave(l);
	return over;
}

/* --- records -------------------------------------------------------------- */

enum id_log_heard id_log_hear(struct id_log *l, size_t collection,
    struct id_range range, uint64_t number, size_t *left)
{
	int64_t past;
	struct taken *taken = id_log_enter(l, collection);
	bool mine = number && end_claim(taken, number);
	bool valid = is_free(taken, range, &past);
	id_log_add(taken, range);
	*left = taken->nclaims;
	id_log_leave(l);
	if (!mine)
		return ID_LOG_OTHERS;
	return valid ? ID_LOG_MINE : ID_LOG_LOST;
}

/* --- without Postgres ----------------------------------------------------- */

void id_log_told(
    struct id_log *l, size_t collection, struct id_range rowless, int64_t block)
{
	struct taken *taken = id_log_enter(l, collection);
	taken->rowless = rowless;
	taken->block = block;
	id_log_leave(l);
}

int64_t id_log_block(struct id_log *l, size_t collection)
{
	int64_t block = id_log_enter(l, collection)->block;
	id_log_leave(l);
	return block;
}

/* Finds n ids in a row that nobody has taken, from within.first on. False:
 * there are none before within.end. */
static bool place(const struct taken *taken, struct id_range within, int64_t n,
    int64_t *first)
{
	/* Below 0 the differences could overflow. */
	if (within.first < 0 || within.end < within.first)
		return false;
	*first = within.first;
	size_t i = id_log_find(taken, *first);
	for (; i < taken->n && (taken->ranges[i].first < *first ||
				   taken->ranges[i].first - *first < n);
	     i++)
		*first = taken->ranges[i].end;
	return *first <= within.end - n;
}

bool id_log_next(
    struct id_log *l, size_t collection, unsigned blocks, struct id_range *out)
{
	struct taken *taken = id_log_enter(l, collection);
	int64_t n = taken->block * (int64_t)blocks;
	bool any =
	    taken->block > 0 && place(taken, taken->rowless, n, &out->first);
	out->end = any ? out->first + n : 0;
	id_log_leave(l);
	return any;
}
