/* The breaker: every transition, as a table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/net/breaker.h"

enum { LIMIT = 3, COOLDOWN = 100 };

enum event { ALLOW, SUCCESS, FAILURE, TRIP, CANCEL };

struct row {
	/* given */
	enum breaker_state state;
	unsigned failures;
	mono_us_t reopen_at;
	/* when, at 1000 */
	enum event event;
	/* then */
	bool allowed;
	enum breaker_state next;
	unsigned next_failures;
	mono_us_t next_reopen_at;
};

#define CLOSED BREAKER_CLOSED
#define OPEN BREAKER_OPEN
#define HALF BREAKER_HALF

static const struct row table[] = {
    {CLOSED, 0, 0, ALLOW, true, CLOSED, 0, 0},
    {CLOSED, 2, 0, ALLOW, true, CLOSED, 2, 0},
    {CLOSED, 2, 0, SUCCESS, false, CLOSED, 0, 0},
    {CLOSED, 0, 0, FAILURE, false, CLOSED, 1, 0},
    {CLOSED, 1, 0, FAILURE, false, CLOSED, 2, 0},
    {CLOSED, 2, 0, FAILURE, false, OPEN, 0, 1100},
    {CLOSED, 0, 0, TRIP, false, OPEN, 0, 1100},
    {CLOSED, 2, 0, TRIP, false, OPEN, 0, 1100},
    {CLOSED, 2, 0, CANCEL, false, CLOSED, 2, 0},
    {OPEN, 0, 1001, ALLOW, false, OPEN, 0, 1001},
    {OPEN, 0, 1000, ALLOW, true, HALF, 0, 1000},
    {OPEN, 0, 900, ALLOW, true, HALF, 0, 900},
    /* verdicts of calls that began before it opened */
    {OPEN, 0, 1050, SUCCESS, false, OPEN, 0, 1050},
    {OPEN, 0, 1050, FAILURE, false, OPEN, 0, 1050},
    {OPEN, 0, 1050, TRIP, false, OPEN, 0, 1050},
    {OPEN, 0, 1050, CANCEL, false, OPEN, 0, 1050},
    {HALF, 0, 900, ALLOW, false, HALF, 0, 900},
    {HALF, 0, 900, SUCCESS, false, CLOSED, 0, 900},
    {HALF, 0, 900, FAILURE, false, OPEN, 0, 1100},
    {HALF, 0, 900, TRIP, false, OPEN, 0, 1100},
    {HALF, 0, 900, CANCEL, false, OPEN, 0, 1000},
};

static bool apply(struct breaker *b, enum event event, mono_us_t now)
{
	switch (event) {
	case ALLOW:
		return breaker_allow(b, now);
	case SUCCESS:
		breaker_success(b);
		break;
	case FAILURE:
		breaker_failure(b, now);
		break;
	case TRIP:
		breaker_trip(b, now);
		break;
	case CANCEL:
		breaker_cancel(b, now);
		break;
	}
	return false;
}

static void transitions(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		const struct row *r = &table[i];
		struct breaker b;
		breaker_init(&b, LIMIT, COOLDOWN);
		b.state = r->state;
		b.failures = r->failures;
		b.reopen_at = r->reopen_at;
		assert_int_equal(apply(&b, r->event, 1000), r->allowed);
		assert_int_equal(b.state, r->next);
		assert_int_equal(b.failures, r->next_failures);
		assert_true(b.reopen_at == r->next_reopen_at);
	}
}

/* A dead tier costs one call per cooldown, a cancelled probe none. */
static void a_life(void **state)
{
	(void)state;
	struct breaker b;
	breaker_init(&b, LIMIT, COOLDOWN);
	for (int i = 0; i < LIMIT; i++) {
		assert_true(breaker_allow(&b, 0));
		breaker_failure(&b, 0);
	}
	int allowed = 0;
	for (mono_us_t now = 0; now < 1000; now++) {
		if (breaker_allow(&b, now)) {
			allowed++;
			breaker_failure(&b, now);
		}
	}
	assert_int_equal(allowed, 9);
	assert_true(breaker_allow(&b, 1000));
	assert_false(breaker_allow(&b, 1000));
	breaker_cancel(&b, 1000);
	assert_true(breaker_allow(&b, 1000));
	breaker_success(&b);
	assert_true(breaker_allow(&b, 1000));
	assert_true(breaker_allow(&b, 1000));
}

static void names(void **state)
{
	(void)state;
	assert_string_equal(breaker_name(BREAKER_CLOSED), "closed");
	assert_string_equal(breaker_name(BREAKER_OPEN), "open");
	assert_string_equal(breaker_name(BREAKER_HALF), "half-open");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(transitions),
	    cmocka_unit_test(a_life),
	    cmocka_unit_test(names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
