/* Batch policy: what makes a batch due, and bisection to any guilty writes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "writer/batch/batch_policy.h"

#include <string.h>

static void due_by_rows_bytes_or_linger(void **state)
{
	(void)state;
	struct batch_policy p;
	batch_policy_init(&p, 10, 1000, 5000);
	assert_false(batch_policy_due(
	    &p, &(struct batch_policy_fill){0, 0, 0}, 1 << 30));
	assert_false(batch_policy_due(
	    &p, &(struct batch_policy_fill){9, 999, 100}, 5099));
	assert_true(batch_policy_due(
	    &p, &(struct batch_policy_fill){9, 999, 100}, 5100));
	assert_true(
	    batch_policy_due(&p, &(struct batch_policy_fill){10, 1, 100}, 100));
	assert_true(batch_policy_due(
	    &p, &(struct batch_policy_fill){1, 1000, 100}, 100));
	assert_true(batch_policy_wait(&p,
			&(struct batch_policy_fill){1, 1, 100}, 600) == 4500);
	assert_true(batch_policy_wait(&p,
			&(struct batch_policy_fill){1, 1, 100}, 99999) == 0);
}

static void takes_at_least_one(void **state)
{
	(void)state;
	struct batch_policy p;
	batch_policy_init(&p, 2, 100, 0);
	assert_true(batch_policy_takes(&p, 0, 0, 5000));
	assert_true(batch_policy_takes(&p, 1, 60, 40));
	assert_false(batch_policy_takes(&p, 1, 60, 41));
	assert_false(batch_policy_takes(&p, 2, 0, 0));
}

static void full_and_low(void **state)
{
	(void)state;
	struct batch_policy p;
	batch_policy_init(&p, 10, 1000, 0);
	assert_false(
	    batch_policy_full(&p, &(struct batch_policy_fill){19, 1999, 0}));
	assert_true(
	    batch_policy_full(&p, &(struct batch_policy_fill){20, 0, 0}));
	assert_true(
	    batch_policy_full(&p, &(struct batch_policy_fill){1, 2000, 0}));
	assert_true(
	    batch_policy_low(&p, &(struct batch_policy_fill){9, 999, 0}));
	assert_false(
	    batch_policy_low(&p, &(struct batch_policy_fill){10, 0, 0}));
	assert_false(
	    batch_policy_low(&p, &(struct batch_policy_fill){1, 1000, 0}));
}

/* Plays a database that rejects any batch with a guilty write. Returns the
 * number of transactions; every write must be decided, the guilty alone. */
static size_t play(const bool *guilty, size_t n, size_t rows)
{
	struct batch_policy p;
	size_t at = 0, transactions = 0;
	batch_policy_init(&p, rows, 1 << 20, 0);
	while (at < n) {
		size_t take = 0, bad = 0;
		while (at + take < n && batch_policy_takes(&p, take, take, 1))
			bad += guilty[at + take++];
		transactions++;
		assert_true(take > 0 && transactions < 20 * n + 100);
		if (bad && take > 1) {
			batch_policy_split(&p, take, take);
			continue;
		}
		transactions += bad; /* once more, to write it down */
		batch_policy_applied(&p);
		at += take;
	}
	assert_true(p.limit <= p.rows);
	return transactions;
}

static void bisection_finds_every_pattern(void **state)
{
	(void)state;
	for (size_t n = 1; n <= 10; n++) {
		for (unsigned bits = 0; bits < 1u << n; bits++) {
			bool guilty[10];
			for (size_t i = 0; i < n; i++)
				guilty[i] = bits >> i & 1;
			play(guilty, n, n);
			play(guilty, n, 3);
		}
	}
}

static void bisection_is_cheap(void **state)
{
	(void)state;
	static bool guilty[1000];
	memset(guilty, 0, sizeof guilty);
	assert_int_equal(play(guilty, 1000, 1000), 1);
	guilty[500] = true;
	assert_true(play(guilty, 1000, 1000) < 30);
	for (size_t i = 0; i < 1000; i += 2)
		guilty[i] = true;
	assert_true(play(guilty, 1000, 1000) < 2600);
}

static void cut_to_what_may_be_read(void **state)
{
	(void)state;
	struct batch_policy p;
	batch_policy_init(&p, 1000, 100, 0);
	assert_int_equal(batch_policy_reads(&p), BATCH_POLICY_READS * 100);
	p.bytes = BATCH_POLICY_READS_MOST;
	assert_int_equal(batch_policy_reads(&p), BATCH_POLICY_READS_MOST);
	batch_policy_split(&p, 1000, 7);
	assert_true(batch_policy_takes(&p, 6, 6, 1));
	assert_false(batch_policy_takes(&p, 7, 7, 1));
	assert_true(
	    batch_policy_due(&p, &(struct batch_policy_fill){7, 7, 0}, 0));
	batch_policy_split(&p, 7, 1);
	assert_true(batch_policy_takes(&p, 0, 0, 1));
	assert_false(batch_policy_takes(&p, 1, 1, 1));
	batch_policy_applied(&p);
	assert_int_equal(p.limit, 2);
}

static void gathers_longer_the_more_came(void **state)
{
	(void)state;
	const dur_us_t most = CLOCK_MS(3);
	/* One client alone waits for nothing. */
	assert_int_equal(batch_policy_gather(most, 0), 0);
	assert_int_equal(batch_policy_gather(most, 1), 0);
	assert_int_equal(batch_policy_gather(most, 2), most / 8);
	assert_int_equal(batch_policy_gather(most, 8), most / 2);
	assert_int_equal(batch_policy_gather(most, 16), most);
	assert_int_equal(batch_policy_gather(most, SIZE_MAX), most);
	assert_int_equal(batch_policy_gather(0, 16), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(due_by_rows_bytes_or_linger),
	    cmocka_unit_test(takes_at_least_one),
	    cmocka_unit_test(full_and_low),
	    cmocka_unit_test(gathers_longer_the_more_came),
	    cmocka_unit_test(bisection_finds_every_pattern),
	    cmocka_unit_test(bisection_is_cheap),
	    cmocka_unit_test(cut_to_what_may_be_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
