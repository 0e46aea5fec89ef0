/* What marks told of each write, whatever order and repetitions they come in.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "writer/decide/announced.h"

#include <stdio.h>
#include <string.h>

enum { FROM = 10, TO = 40 };

/* `rejected` holds versions; ends with 0. */
static void say(struct announced *a, version_t from, version_t through,
    bool anew, enum reason reason, const version_t *rejected)
{
	struct record_verdict list[8];
	struct record_mark m = {
	    .from = from, .through = through, .anew = anew, .verdicts = list};
	for (; rejected && rejected[m.nverdicts]; m.nverdicts++)
		list[m.nverdicts] = (struct record_verdict){
		    .version = rejected[m.nverdicts], .reason = reason};
	announced_mark(a, &m);
}

/* One character a version: . unknown, + accepted, r a replay, else the
 * reason's first. */
static void expect(const struct announced *a, const char *want)
{
	char got[TO - FROM + 1] = {0};
	for (version_t v = FROM; v < TO; v++) {
		const struct record_verdict *r = NULL;
		enum announced_as as = announced_find(a, v, &r);
		got[v - FROM] = as == ANNOUNCED_NOT	   ? '.'
				: as == ANNOUNCED_ACCEPTED ? '+'
				: as == ANNOUNCED_REPLAYED
				    ? 'r'
				    : reason_row(r->reason)->name[0];
	}
	assert_string_equal(got, want);
	/* A run is of known writes, or of unknown ones. */
	for (version_t v = FROM; v < TO; v++) {
		version_t end = announced_run(a, v);
		bool known = want[v - FROM] != '.';
		assert_true(end > v);
		for (version_t w = v; w < end && w < TO; w++)
			assert_true((want[w - FROM] != '.') == known);
		if (end < TO && !known)
			assert_true(want[end - FROM] != '.');
	}
}

static void in_order(void **state)
{
	(void)state;
	struct announced *a = announced_new(FROM);
	assert_true(announced_covers(a, FROM));
	assert_false(announced_covers(a, FROM + 1));
	expect(a, "..............................");
	say(a, 5, 12, false, REASON_DATA, (version_t[]){9, 11, 0});
	say(a, 12, 20, false, REASON_NOT_FOUND, (version_t[]){12, 19, 0});
	expect(a, "+vn++++++n....................");
	assert_true(announced_covers(a, 20));
	assert_false(announced_covers(a, 21));
	say(a, 20, 20, false, REASON_DATA, NULL);
	expect(a, "+vn++++++n....................");
	announced_free(&a);
	announced_free(&a); /* harmless */
}

/* Announced again, late, or in another cut: the first telling counts. */
static void again(void **state)
{
	(void)state;
	struct announced *a = announced_new(FROM);
	say(a, 10, 20, false, REASON_DATA, (version_t[]){15, 0});
	say(a, 12, 17, false, REASON_NOT_FOUND, (version_t[]){13, 0});
	say(a, 15, 25, false, REASON_NOT_FOUND, (version_t[]){16, 22, 0});
	expect(a, "+++++v++++++n++...............");
	announced_free(&a);
}

static void holes(void **state)
{
	(void)state;
	struct announced *a = announced_new(FROM);
	say(a, 15, 20, false, REASON_DATA, NULL);
	say(a, 30, 35, false, REASON_DATA, (version_t[]){31, 0});
	expect(a, ".....+++++..........+v+++.....");
	assert_false(announced_covers(a, 20));
	/* Late, and the only one that tells of some. */
	say(a, 12, 32, false, REASON_NOT_FOUND, (version_t[]){13, 16, 30, 0});
	expect(a, "..+n+++++++++++++++++v+++.....");
	announced_free(&a);
}

/* Where the batches ended: `ends` ends with 0. */
static void expect_runs(const struct announced *a, const version_t *ends)
{
	version_t at = FROM;
	for (; *ends; ends++) {
		for (; at < *ends; at++)
			assert_int_equal(announced_run(a, at), *ends);
	}
	assert_true(announced_run(a, at) == VERSION_MAX);
}

static void batches(void **state)
{
	(void)state;
	struct announced *a = announced_new(FROM);
	say(a, 5, 12, false, REASON_DATA, NULL);
	say(a, 12, 20, false, REASON_DATA, NULL);
	say(a, 24, 30, false, REASON_DATA, NULL);
	expect_runs(a, (version_t[]){12, 20, 24, 30, 0});
	say(a, 20, 22, false, REASON_DATA, NULL);
	expect_runs(a, (version_t[]){12, 20, 22, 24, 30, 0});
	/* Other ones take the place of these, or of parts of them. */
	say(a, 13, 15, true, REASON_DATA, NULL);
	expect_runs(a, (version_t[]){12, 13, 15, 20, 22, 24, 30, 0});
	say(a, 15, 21, false, REASON_DATA, NULL);
	expect_runs(a, (version_t[]){12, 13, 15, 21, 22, 24, 30, 0});
	say(a, 21, 40, false, REASON_DATA, NULL);
	expect_runs(a, (version_t[]){12, 13, 15, 21, 40, 0});
	assert_true(announced_covers(a, 40));
	announced_free(&a);
}

/* Later marks replace what was told, and what they do not reach stays. */
static void anew(void **state)
{
	(void)state;
	struct announced *a = announced_new(FROM);
	say(a, 10, 30, false, REASON_DATA, (version_t[]){12, 18, 28, 0});
	say(a, 14, 14, true, REASON_DATA, NULL);
	expect(a, "++v+++++v+++++++++v+..........");
	say(a, 14, 16, false, REASON_NOT_FOUND, (version_t[]){15, 0});
	say(a, 16, 20, false, REASON_NOT_FOUND, NULL);
	expect(a, "++v++n++++++++++++v+..........");
	/* One that decides its own writes anew. */
	say(a, 17, 19, true, REASON_OVERFLOW, (version_t[]){17, 0});
	say(a, 19, 29, false, REASON_OVERFLOW, NULL);
	expect(a, "++v++n+o++++++++++++..........");
	assert_true(announced_covers(a, 30));
	announced_free(&a);
}

static void replays(void **state)
{
	(void)state;
	struct announced *a = announced_new(FROM);
	char outcome[] = "created", key[] = "1001";
	struct record_verdict list[] = {
	    {.version = 11, .replayed = true},
	    {.version = 13,
		.replayed = true,
		.first = {.has_position = true,
		    .position = {5, 7},
		    .outcome = {outcome, 7},
		    .key = {key, 4}}},
	};
	struct record_mark m = {
	    .from = 10, .through = 15, .verdicts = list, .nverdicts = 2};
	announced_mark(a, &m);
	memset(outcome, 'x', 7); /* it was copied */
	memset(key, 'x', 4);
	/* An older writer did not tell the first one: not known. */
	expect(a, "+.+r+.........................");
	const struct record_verdict *r = NULL;
	assert_int_equal(announced_find(a, 13, &r), ANNOUNCED_REPLAYED);
	assert_int_equal(r->first.position.partition, 5);
	assert_true(r->first.position.version == 7);
	assert_string_equal(r->first.outcome.s, "created");
	assert_string_equal(r->first.key.s, "1001");
	announced_free(&a);
}

/* What has no room is not known; what was known stays so. */
static void bounded(void **state)
{
	(void)state;
	struct announced *a = announced_new(0);
	enum { EACH = 1000 };
	static struct record_verdict list[EACH];
	version_t at = 0;
	for (; at < ANNOUNCED_MOST + 2 * EACH; at += EACH) {
		for (size_t i = 0; i < EACH; i++)
			list[i] = (struct record_verdict){
			    .version = at + i, .reason = REASON_DATA};
		struct record_mark m = {.from = at,
		    .through = at + EACH,
		    .verdicts = list,
		    .nverdicts = EACH};
		announced_mark(a, &m);
	}
	assert_true(announced_covers(a, ANNOUNCED_MOST));
	assert_false(announced_covers(a, at));
	announced_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(in_order),
	    cmocka_unit_test(again),
	    cmocka_unit_test(holes),
	    cmocka_unit_test(batches),
	    cmocka_unit_test(anew),
	    cmocka_unit_test(replays),
	    cmocka_unit_test(bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
