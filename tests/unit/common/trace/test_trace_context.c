/* traceparent, as W3C Trace Context (level 1 and 2) has it; sampling. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/random.h"
#include "common/trace/trace_context.h"

#include <string.h>

#define TRACE "4bf92f3577b34da6a3ce929d0e0e4736"
#define SPAN "00f067aa0ba902b7"

static bool parse(const char *text, struct trace_context *out)
{
	return trace_context_parse(text, strlen(text), out);
}

static void takes_and_writes(void **state)
{
	static const struct {
		const char *text;
		uint8_t flags;
	} right[] = {
	    {"00-" TRACE "-" SPAN "-00", 0},
	    {"00-" TRACE "-" SPAN "-01", TRACE_SAMPLED},
	    {"00-" TRACE "-" SPAN "-03", TRACE_SAMPLED | TRACE_RANDOM},
	    {" \t00-" TRACE "-" SPAN "-01 \t", TRACE_SAMPLED},
	    /* Flags that have no meaning yet are not passed on. */
	    {"00-" TRACE "-" SPAN "-ff", TRACE_SAMPLED | TRACE_RANDOM},
	    {"00-" TRACE "-" SPAN "-fc", 0},
	    /* Versions to come. */
	    {"01-" TRACE "-" SPAN "-01", TRACE_SAMPLED},
	    {"fe-" TRACE "-" SPAN "-01-what-the-future-has", TRACE_SAMPLED},
	    {"cc-" TRACE "-" SPAN "-01-", TRACE_SAMPLED},
	    {"00-00000000000000000000000000000001-" SPAN "-01", TRACE_SAMPLED},
	    {"00-10000000000000000000000000000000-" SPAN "-01", TRACE_SAMPLED},
	};
	(void)state;
	for (size_t i = 0; i < sizeof right / sizeof *right; i++) {
		struct trace_context c;
		char text[TRACE_CONTEXT_LEN + 1];
		if (!parse(right[i].text, &c))
			fail_msg("%s", right[i].text);
		assert_int_equal(c.flags, right[i].flags);
		assert_int_equal(trace_context_is_sampled(&c),
		    right[i].flags & TRACE_SAMPLED);
		trace_context_format(&c, text);
		assert_int_equal(strlen(text), TRACE_CONTEXT_LEN);
		struct trace_context again;
		assert_true(parse(text, &again));
		assert_memory_equal(again.trace, c.trace, sizeof c.trace);
		assert_true(again.span == c.span);
		assert_int_equal(again.flags, c.flags);
	}
}

static void reads_every_digit(void **state)
{
	struct trace_context c;
	char text[TRACE_CONTEXT_LEN + 1];
	(void)state;
	assert_true(parse("00-" TRACE "-" SPAN "-01", &c));
	assert_true(c.trace[0] == 0x4bf92f3577b34da6u);
	assert_true(c.trace[1] == 0xa3ce929d0e0e4736u);
	assert_true(c.span == 0x00f067aa0ba902b7u);
	trace_context_format(&c, text);
	assert_string_equal(text, "00-" TRACE "-" SPAN "-01");
	char id[TRACE_ID_LEN + 1];
	trace_context_id(&c, id);
	assert_string_equal(id, TRACE);
}

static void refuses_the_rest(void **state)
{
	static const char *const wrong[] = {
	    "",
	    "-",
	    "00",
	    "00-" TRACE "-" SPAN "-0",
	    "00-" TRACE "-" SPAN "-01-",
	    "00-" TRACE "-" SPAN "-01x",
	    "00-" TRACE "-" SPAN "-01-more",
	    "01-" TRACE "-" SPAN "-01.more",
	    "ff-" TRACE "-" SPAN "-01",
	    "0x-" TRACE "-" SPAN "-01",
	    "00-00000000000000000000000000000000-" SPAN "-01",
	    "00-" TRACE "-0000000000000000-01",
	    "00-4BF92F3577B34DA6A3CE929D0E0E4736-" SPAN "-01",
	    "00-" TRACE "-00F067AA0BA902B7-01",
	    "00-" TRACE "-" SPAN "-0A",
	    "00-4bf92f3577b34da6a3ce929d0e0e473g-" SPAN "-01",
	    "00_" TRACE "-" SPAN "-01",
	    "00-" TRACE "_" SPAN "-01",
	    "00-" TRACE "-" SPAN "_01",
	    "000-" TRACE "-" SPAN "-01",
	    "00-" TRACE "-" SPAN "-01, 00-" TRACE "-" SPAN "-01",
	};
	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct trace_context c;
		if (parse(wrong[i], &c))
			fail_msg("%s", wrong[i]);
		assert_true(c.trace[0] == 0 && c.trace[1] == 0 && c.span == 0);
	}
	/* It ends in the middle, and a NUL is no digit. */
	struct trace_context c;
	const char *whole = "00-" TRACE "-" SPAN "-01";
	for (size_t len = 0; len < TRACE_CONTEXT_LEN; len++)
		assert_false(trace_context_parse(whole, len, &c));
	char nul[] = "00-" TRACE "-" SPAN "-01";
	nul[20] = '\0';
	assert_false(trace_context_parse(nul, TRACE_CONTEXT_LEN, &c));
}

static size_t chosen_of(double ratio, size_t n)
{
	struct random dice;
	size_t chosen = 0;
	uint64_t bound = trace_context_bound(ratio);
	random_init(&dice, 7);
	for (size_t i = 0; i < n; i++)
		chosen += trace_context_chosen(bound, random_next(&dice));
	return chosen;
}

static void samples_the_share(void **state)
{
	enum { N = 100000 };
	(void)state;
	assert_int_equal(chosen_of(0, N), 0);
	assert_int_equal(chosen_of(1, N), N);
	assert_false(trace_context_chosen(trace_context_bound(0), 0));
	assert_true(trace_context_chosen(trace_context_bound(1), UINT64_MAX));
	assert_in_range(chosen_of(0.01, N), 800, 1200);
	assert_in_range(chosen_of(0.5, N), 49000, 51000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(takes_and_writes),
	    cmocka_unit_test(reads_every_digit),
	    cmocka_unit_test(refuses_the_rest),
	    cmocka_unit_test(samples_the_share),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
