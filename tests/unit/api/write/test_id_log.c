/* Whose an id is: every short log of ids within small bounds, held against one
 * flag per id. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/write/id_log.h"

#include <stdbool.h>

static struct id_range range(int64_t first, int64_t end)
{
	return (struct id_range){first, end};
}

/* Ids 0 to IDS - 1; below them it is all one. */
enum { IDS = 7, RANGES = IDS * (IDS + 1) / 2, RECORDS = 3 };

static struct id_range nth(int i)
{
	for (int first = 0; first < IDS; first++) {
		int n = IDS - first;
		if (i < n)
			return range(first, first + i + 1);
		i -= n;
	}
	return range(0, 0);
}

static void free_as_told(struct id_log *l, const bool *taken)
{
	int64_t past = 0;
	for (int i = 0; i < RANGES; i++) {
		struct id_range r = nth(i);
		bool any = false;
		for (int64_t id = r.first; id < r.end; id++)
			any = any || taken[id];
		assert_int_equal(id_log_is_free(l, 0, r, &past), !any);
		if (any) /* behind an interval, and not in it */
			assert_true(past > r.first && past <= IDS &&
				    (past == IDS || !taken[past]));
	}
}

/* One history: each record is this instance's own. */
static void run(const int *records)
{
	struct id_log *l = id_log_new(1);
	bool taken[IDS] = {false};
	size_t left;
	for (int i = 0; i < RECORDS; i++) {
		struct id_range r = nth(records[i]);
		uint64_t number = id_log_claim(l, 0, 1, 0);
		bool any = false;
		for (int64_t id = r.first; id < r.end; id++)
			any = any || taken[id];
		assert_int_equal(id_log_hear(l, 0, r, number, &left),
		    any ? ID_LOG_LOST : ID_LOG_MINE);
		assert_int_equal(left, 0);
		for (int64_t id = i ? r.first : 0; id < r.end; id++)
			taken[id] = true;
		free_as_told(l, taken);
	}
	id_log_free(&l);
}

static void every_short_log(void **state)
{
	(void)state;
	int records[RECORDS];
	for (int i = 0; i < RANGES * RANGES * RANGES; i++) {
		records[0] = i % RANGES;
		records[1] = i / RANGES % RANGES;
		records[2] = i / RANGES / RANGES;
		run(records);
	}
}

static void claims(void **state)
{
	(void)state;
	size_t left;
	struct id_log *l = id_log_new(2);
	uint64_t a = id_log_claim(l, 0, 3, 100);
	assert_true(a > 0);
	/* Of the other collection: not its business. */
	assert_int_equal(
	    id_log_hear(l, 1, range(1, 5), 0, &left), ID_LOG_OTHERS);
	assert_int_equal(left, 0);
	assert_int_equal(
	    id_log_hear(l, 0, range(1, 11), a + 1, &left), ID_LOG_MINE);
	assert_int_equal(left, 2);
	/* Twice: it has ended. */
	assert_int_equal(
	    id_log_hear(l, 0, range(1, 11), a + 1, &left), ID_LOG_OTHERS);
	assert_int_equal(
	    id_log_hear(l, 0, range(8, 20), a, &left), ID_LOG_LOST);
	assert_int_equal(left, 1);
	assert_false(id_log_give_up(l, 0, 50, 149));
	assert_true(id_log_give_up(l, 0, 50, 150));
	assert_false(id_log_give_up(l, 0, 50, 150));
	/* It comes after all: the ids are nobody's. */
	assert_int_equal(
	    id_log_hear(l, 0, range(30, 40), a + 2, &left), ID_LOG_OTHERS);
	uint64_t b = id_log_claim(l, 0, 2, 200);
	assert_true(b > a + 2);
	id_log_drop(l, 0, b, &left);
	assert_int_equal(left, 1);
	assert_int_equal(
	    id_log_hear(l, 0, range(35, 45), b + 1, &left), ID_LOG_LOST);
	assert_int_equal(left, 0);
	assert_true(id_log_claim(l, 0, ID_LOG_CLAIMS - 1, 0) > b + 1);
	assert_int_equal(id_log_claim(l, 0, 2, 0), 0);
	assert_true(id_log_claim(l, 0, 1, 0) > 0);
	assert_int_equal(id_log_claim(l, 0, 1, 0), 0);
	id_log_free(&l);
}

/* Bounded: of very many ranges the lowest gaps are given up, never a range. */
static void many(void **state)
{
	(void)state;
	size_t left;
	int64_t past;
	struct id_log *l = id_log_new(1);
	enum { N = 3 * ID_LOG_RANGES };
	for (int64_t i = 0; i < N; i++)
		id_log_hear(l, 0, range(3 * i, 3 * i + 2), 0, &left);
	for (int64_t i = 0; i < N; i++) {
		assert_false(
		    id_log_is_free(l, 0, range(3 * i, 3 * i + 1), &past));
		bool gap =
		    id_log_is_free(l, 0, range(3 * i + 2, 3 * i + 3), &past);
		assert_int_equal(gap, i >= N - ID_LOG_RANGES);
	}
	/* In no order. */
	for (int64_t i = N; i-- > 0;)
		id_log_hear(l, 0, range(3 * i + 2, 3 * i + 3), 0, &left);
	assert_false(id_log_is_free(l, 0, range(3 * N - 1, 3 * N), &past));
	assert_int_equal(past, 3 * N);
	id_log_free(&l);
}

static void edges(void **state)
{
	(void)state;
	size_t left;
	int64_t past;
	struct id_log *l = id_log_new(1);
	id_log_hear(l, 0, range(INT64_MAX - 5, INT64_MAX), 0, &left);
	assert_false(id_log_is_free(l, 0, range(INT64_MIN, 1), &past));
	assert_int_equal(past, INT64_MAX);
	struct id_range next;
	id_log_told(l, 0, range(INT64_MAX - 100, INT64_MAX), 10);
	assert_false(id_log_next(l, 0, 1, &next));
	id_log_free(&l);
}

static void without_postgres(void **state)
{
	(void)state;
	size_t left;
	struct id_range next;
	struct id_log *l = id_log_new(1);
	assert_false(id_log_next(l, 0, 1, &next));
	id_log_told(l, 0, range(101, 165), 10);
	assert_int_equal(id_log_block(l, 0), 10);
	assert_true(id_log_next(l, 0, 2, &next));
	assert_int_equal(next.first, 101);
	assert_int_equal(next.end, 121);
	id_log_hear(l, 0, range(101, 111), 0, &left);
	id_log_hear(l, 0, range(116, 126), 0, &left);
	/* The gap of five is too small. */
	assert_true(id_log_next(l, 0, 1, &next));
	assert_int_equal(next.first, 126);
	assert_int_equal(next.end, 136);
	/* Not up to the row at 165. */
	assert_true(id_log_next(l, 0, 3, &next));
	assert_false(id_log_next(l, 0, 4, &next));
	id_log_told(l, 0, range(-100, 165), 10);
	assert_false(id_log_next(l, 0, 1, &next));
	id_log_told(l, 0, range(101, INT64_MAX), 10);
	assert_true(id_log_next(l, 0, 64, &next));
	assert_int_equal(next.end - next.first, 640);
	id_log_told(l, 0, range(INT64_MAX - 9, INT64_MAX), 10);
	assert_false(id_log_next(l, 0, 1, &next));
	id_log_free(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_short_log),
	    cmocka_unit_test(claims),
	    cmocka_unit_test(many),
	    cmocka_unit_test(edges),
	    cmocka_unit_test(without_postgres),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
