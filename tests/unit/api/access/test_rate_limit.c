/* Limits: what may be set, which one counts, and buckets over time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/access/rate_limit.h"

#include <stdio.h>
#include <string.h>

static void the_setting(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t count, per_s, burst;
	} good[] = {
	    {"100/s", 100, 1, 100},
	    {"100/s burst 200", 100, 1, 200},
	    {"5000/m burst 1", 5000, 60, 1},
	    {"10/h", 10, 3600, 10},
	    {"1/h burst 24", 1, 3600, 24},
	    {"1000000000/s burst 1000000000", 1000000000, 1, 1000000000},
	    {"2/s   burst   3", 2, 1, 3},
	};
	static const char *const bad[] = {"", "100", "/s", "0/s", "-1/s", "1/d",
	    "1/ s", "1 /s", "100/sburst 2", "100/s burst", "100/s burst ",
	    "100/s burst 0", "100/s burst x", "100/s 200", "100/s burst 200 ",
	    "1/h burst 25", "10000000000/s", "None", "none ", "1e3/s"};
	struct rate r;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		if (!rate_parse(good[i].text, &r))
			fail_msg("%s", good[i].text);
		assert_int_equal(r.count, good[i].count);
		assert_int_equal(r.per, CLOCK_S(good[i].per_s));
		assert_int_equal(r.burst, good[i].burst);
		assert_false(r.none);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		if (rate_parse(bad[i], &r))
			fail_msg("%s", bad[i]);
	}
	assert_true(rate_parse("none", &r) && r.none);
}

static void add(struct rate_limits *l, const char *role, const char *text)
{
	struct err e = rate_limits_add(l, role, text, 1);
	if (e.kind != ERR_KIND_OK)
		fail_msg("%s", e.msg);
}

static const char *of(const struct rate_limits *l, role_set r, bool anonymous)
{
	const struct rate_limit *one = rate_limits_of(l, r, anonymous);
	return one ? one->role : "";
}

static void the_most_generous(void **state)
{
	(void)state;
	struct rate_limits l = {0};
	role_set slow = 0, fast = 0, free_of = 0, other = 0;
	roles_forget();
	assert_true(roles_grant(&slow, "slow", 4));
	assert_true(roles_grant(&fast, "fast", 4));
	assert_true(roles_grant(&free_of, "free", 4));
	assert_true(roles_grant(&other, "other", 5));
	add(&l, "slow", "10/s");
	add(&l, "fast", "601/m burst 1");
	add(&l, "free", "none");
	assert_string_equal(of(&l, other, false), "");
	assert_string_equal(of(&l, 0, true), "");
	add(&l, "anonymous", "1000/s");
	add(&l, "authenticated", "1/s");
	assert_string_equal(of(&l, slow, false), "slow");
	assert_string_equal(of(&l, slow | fast, false), "fast");
	assert_string_equal(of(&l, slow | fast | free_of, false), "");
	assert_string_equal(of(&l, other, false), "authenticated");
	assert_string_equal(of(&l, 0, true), "anonymous");
	rate_limits_free(&l);
}

static void what_is_refused(void **state)
{
	(void)state;
	struct rate_limits l = {0};
	roles_forget();
	struct err e = rate_limits_add(&l, "nobody", "1/s", 1);
	assert_int_equal(e.kind, ERR_KIND_FATAL);
	assert_non_null(strstr(e.msg, "'limit.nobody'"));
	assert_int_equal(
	    rate_limits_add(&l, "No Role", "1/s", 1).kind, ERR_KIND_FATAL);
	e = rate_limits_add(&l, "anonymous", "1/x", 1);
	assert_int_equal(e.kind, ERR_KIND_FATAL);
	assert_non_null(strstr(e.msg, "'1/x'"));
	assert_int_equal(l.n, 0);
	rate_limits_free(&l);
}

static struct rate_limit made(const char *text, size_t threads)
{
	struct rate_limits l = {0};
	struct err e = rate_limits_add(&l, "anonymous", text, threads);
	assert_int_equal(e.kind, ERR_KIND_OK);
	struct rate_limit one = l.all[0];
	rate_limits_free(&l);
	return one;
}

static void a_bucket(void **state)
{
	(void)state;
	struct rate_table *t = rate_table_new(1);
	struct rate_limit l = made("10/s burst 3", 1);
	struct rate_key k = {1, 2};
	mono_us_t now = CLOCK_S(1000);
	for (int64_t i = 2; i >= 0; i--) {
		struct rate_answer a = rate_table_take(t, k, &l, now);
		assert_true(a.allowed);
		assert_int_equal(a.remaining, i);
		assert_int_equal(a.reset_s, 1);
	}
	struct rate_answer a = rate_table_take(t, k, &l, now);
	assert_false(a.allowed);
	assert_int_equal(a.remaining, 0);
	assert_int_equal(a.retry_s, 1);
	assert_false(rate_table_take(t, k, &l, now + 99999).allowed);
	assert_true(rate_table_take(t, k, &l, now + 100000).allowed);
	assert_false(rate_table_take(t, k, &l, now + 100000).allowed);
	/* It holds no more than three, however long one waits. */
	a = rate_table_take(t, k, &l, now + CLOCK_S(3600));
	assert_int_equal(a.remaining, 2);
	rate_table_free(&t);
}

/* In any span, at most its count and one bucket. */
static void over_time(void **state)
{
	(void)state;
	struct rate_table *t = rate_table_new(4);
	struct rate_limit l = made("1000/s burst 50", 4);
	struct rate_key k = {7, 7};
	int64_t allowed = 0;
	for (mono_us_t now = 0; now < CLOCK_S(10); now += 37)
		allowed += rate_table_take(t, k, &l, CLOCK_S(9) + now).allowed;
	assert_in_range(allowed, 2500, 2500 + 13 + 1);
	rate_table_free(&t);
}

static void slow_limits(void **state)
{
	(void)state;
	struct rate_table *t = rate_table_new(1);
	struct rate_limit l = made("1/h", 256);
	struct rate_key k = {3, 4};
	assert_true(rate_table_take(t, k, &l, CLOCK_S(1)).allowed);
	struct rate_answer a = rate_table_take(t, k, &l, CLOCK_S(1));
	assert_false(a.allowed);
	assert_int_equal(a.retry_s, 3600 * 256);
	rate_table_free(&t);
}

/* Callers do not share a bucket; of a full set, the fullest one is forgotten.
 */
static void many_callers(void **state)
{
	(void)state;
	struct rate_table *t = rate_table_new(1);
	struct rate_limit l = made("1/s burst 5", 1);
	mono_us_t now = CLOCK_S(50);
	struct rate_key busy = {0, 99};
	for (int i = 0; i < 5; i++)
		assert_true(rate_table_take(t, busy, &l, now).allowed);
	for (uint64_t i = 1; i < 1000; i++) {
		struct rate_key k = {i, i};
		assert_true(rate_table_take(t, k, &l, now).allowed);
		assert_false(rate_table_take(t, busy, &l, now).allowed);
	}
	rate_table_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_setting),
	    cmocka_unit_test(the_most_generous),
	    cmocka_unit_test(what_is_refused),
	    cmocka_unit_test(a_bucket),
	    cmocka_unit_test(over_time),
	    cmocka_unit_test(slow_limits),
	    cmocka_unit_test(many_callers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
