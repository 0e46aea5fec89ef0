/* Prefer (RFC 7240) and lists of entity tags (RFC 9110, 13.1.2). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/http/prefer.h"

#include <string.h>

enum { NONE = -1 };

static struct prefer parse(const char *header)
{
	struct prefer p = {0};
	prefer_parse(header, &p);
	return p;
}

static void preferences(void **state)
{
	(void)state;
	static const struct {
		const char *header;
		int wait;
		bool async, minimal;
	} table[] = {
	    {"", NONE, false, false},
	    {",", NONE, false, false},
	    {" , ,\t", NONE, false, false},
	    /* the RFC's own */
	    {"respond-async, wait=100", 30, true, false},
	    {"respond-async", NONE, true, false},
	    {"wait=10", 10, false, false},
	    {"wait=5, handling=lenient", 5, false, false},
	    {"priority=5, wait=2", 2, false, false},
	    {"return=minimal; foo=\"some parameter\"", NONE, false, true},
	    {"foo; bar, respond-async", NONE, true, false},
	    {"foo; bar=\"\", respond-async", NONE, true, false},
	    {"foo=\"\"; bar, respond-async", NONE, true, false},
	    {"return=representation", NONE, false, false},
	    /* spelling */
	    {"Respond-Async,WAIT=3,Return=Minimal", 3, true, true},
	    {"respond-async ,\twait=3 ", 3, true, false},
	    {"wait = 3", 3, false, false},
	    {"wait=\"3\"", 3, false, false},
	    {"return=\"minimal\"", NONE, false, true},
	    {"respond-async=\"\"", NONE, true, false},
	    {"respond-async=", NONE, true, false},
	    {"wait=3;x", 3, false, false},
	    {"wait=3 ; x=y; z", 3, false, false},
	    /* limits */
	    {"wait=0", 0, false, false},
	    {"wait=29", 29, false, false},
	    {"wait=30", 30, false, false},
	    {"wait=31", 30, false, false},
	    {"wait=007", 7, false, false},
	    {"wait=99999999999999999999999", 30, false, false},
	    /* no number */
	    {"wait", NONE, false, false},
	    {"wait=", NONE, false, false},
	    {"wait=\"\"", NONE, false, false},
	    {"wait=-1", NONE, false, false},
	    {"wait=+1", NONE, false, false},
	    {"wait=1.5", NONE, false, false},
	    {"wait=5s", NONE, false, false},
	    {"wait=x", NONE, false, false},
	    {"=5", NONE, false, false},
	    /* others */
	    {"waits=5", NONE, false, false},
	    {"xwait=5", NONE, false, false},
	    {"respond-asynchronously", NONE, false, false},
	    {"respond", NONE, false, false},
	    {"return", NONE, false, false},
	    {"return=minimalist", NONE, false, false},
	    {"minimal", NONE, false, false},
	    /* of two alike the first counts */
	    {"wait=3, wait=5", 3, false, false},
	    {"wait=0, wait=5", 0, false, false},
	    {"return=minimal, return=representation", NONE, false, true},
	    {"return=representation, return=minimal", NONE, false, false},
	    /* what stands in quotes or in parameters is not a preference */
	    {"foo=\"a, wait=5\"", NONE, false, false},
	    {"foo; x=\"a, respond-async\", wait=2", 2, false, false},
	    {"foo=\"a\\\", wait=5\", wait=2", 2, false, false},
	    {"foo; wait=5", NONE, false, false},
	    {"foo; respond-async", NONE, false, false},
	    /* never closed: it reads no further than the end */
	    {"foo=\"a, wait=5", NONE, false, false},
	    {"foo=\"a\\", NONE, false, false},
	    {"wait=\"5", 5, false, false},
	    {"\"", NONE, false, false},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct prefer p = parse(table[i].header);
		int wait = p.has_wait ? (int)(p.wait / CLOCK_S(1)) : NONE;
		if (wait != table[i].wait ||
		    p.respond_async != table[i].async ||
		    p.return_minimal != table[i].minimal)
			fail_msg("'%s': wait=%d async=%d minimal=%d",
			    table[i].header, wait, p.respond_async,
			    p.return_minimal);
	}
}

/* Several lines are one list. */
static void lines(void **state)
{
	(void)state;
	struct prefer p = {0};
	prefer_parse("wait=4", &p);
	prefer_parse("respond-async, wait=9", &p);
	prefer_parse("return=representation", &p);
	prefer_parse("return=minimal", &p);
	assert_true(p.has_wait && p.wait == CLOCK_S(4));
	assert_true(p.respond_async);
	assert_false(p.return_minimal);
}

static void tags(void **state)
{
	(void)state;
	static const struct {
		const char *header;
		bool listed;
	} table[] = {
	    {"\"1042\"", true},
	    {"W/\"1042\"", true}, /* weak comparison */
	    {"*", true},
	    {" * ", true},
	    {"\"1\", \"1042\"", true},
	    {"\"1\",\"1042\",\"2\"", true},
	    {"W/\"1\" , W/\"1042\"", true},
	    {",, \"1042\"", true},
	    {"\"x, y\", \"1042\"", true},
	    {"\"\", \"1042\"", true},
	    {"", false},
	    {",", false},
	    {"1042", false},
	    {"\"1042", false},
	    {"1042\"", false},
	    {"\"104\"", false},
	    {"\"10420\"", false},
	    {"\"01042\"", false},
	    {"w/\"1042\"", false}, /* the W is a capital letter */
	    {"W\"1042\"", false},
	    {"W/", false},
	    {"W/ \"1042\"", true}, /* two of them, the first is nonsense */
	    {"\"1\", \"2\"", false},
	    {"\"*\"", false},
	    {"\"a,*\"", false}, /* one tag, with a comma in it */
	    {"\"a,*,b\", W/\"c, *\"", false},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		if (etag_listed(table[i].header, "\"1042\"", false) !=
		    table[i].listed)
			fail_msg("%s", table[i].header);
	}
}

static void strong_tags(void **state)
{
	(void)state;
	assert_true(etag_listed("\"1042\"", "\"1042\"", true));
	assert_true(etag_listed("W/\"1\", \"1042\"", "\"1042\"", true));
	assert_true(etag_listed("*", "\"1042\"", true));
	assert_false(etag_listed("W/\"1042\"", "\"1042\"", true));
}

static void applied(void **state)
{
	(void)state;
	static const struct {
		const char *header;
		enum prefer_body body;
		const char *applied;
	} table[] = {
	    {"", PREFER_STATE, ""},
	    {"wait=5", PREFER_STATE, "wait=5"},
	    {"wait=100", PREFER_STATE, "wait=30"},
	    {"wait=abc", PREFER_STATE, ""},
	    {"handling=strict, count=exact", PREFER_STATE, ""},
	    {"respond-async, wait=5", PREFER_STATE, "respond-async"},
	    {"return=minimal", PREFER_STATE, ""},
	    {"return=minimal", PREFER_NOTHING, "return=minimal"},
	    {"wait=5", PREFER_NOTHING, "wait=5"},
	    {"wait=5, return=minimal", PREFER_NOTHING,
		"wait=5, return=minimal"},
	    {"wait=5, return=representation", PREFER_DOCUMENT,
		"wait=5, return=representation"},
	    {"return=representation", PREFER_STATE, ""},
	};
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		struct prefer p = parse(table[i].header);
		struct buf out = {0};
		prefer_applied(&p, table[i].body, &out);
		assert_string_equal(out.data ? out.data : "", table[i].applied);
		buf_free(&out);
	}
}

static void counts(void **state)
{
	(void)state;
	assert_true(parse("count=exact").count_exact);
	assert_true(parse("wait=3, Count=exact").count_exact);
	assert_false(parse("count").count_exact);
	assert_false(parse("count=planned").count_exact);
	assert_false(parse("count=planned, count=exact").count_exact);
	assert_false(parse("counts=exact").count_exact);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(preferences),
	    cmocka_unit_test(counts),
	    cmocka_unit_test(applied),
	    cmocka_unit_test(lines),
	    cmocka_unit_test(tags),
	    cmocka_unit_test(strong_tags),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
