/* Where a batch ends if Postgres judges the writes of some collection. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "writer/decide/judges.h"

#include "tests/unit/declared.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 12 };

/* A letter: capitals are of samples, small ones of records; '-': refused. */
static size_t make(const char *keys, struct write out[MOST])
{
	static char ids[MOST][16];
	size_t n = strlen(keys);
	assert_true(n <= MOST);
	for (size_t i = 0; i < n; i++) {
		bool large = keys[i] >= 'A' && keys[i] <= 'Z';
		const char *name = large ? "samples" : "records";
		snprintf(ids[i], sizeof ids[i], "%s/%c", name, keys[i]);
		out[i] = (struct write){
		    .id = ids[i],
		    .id_len = strlen(ids[i]),
		    .collection = declared(name),
		    .refused = keys[i] == '-' ? REASON_DATA : REASON_NONE,
		};
	}
	return n;
}

static void read_judge(struct judges *j, const char *name, int judge)
{
	PGresAttDesc columns[] = {{.name = (char[]){"name"}, .format = 1},
	    {.name = (char[]){"judge"}, .format = 1}};
	PGresult *r = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
	uint32_t be = htonl((uint32_t)judge);
	char copy[16];
	strcpy(copy, name);
	assert_true(PQsetResultAttrs(r, 2, columns));
	assert_true(PQsetvalue(r, 0, 0, copy, (int)strlen(copy)));
	assert_true(PQsetvalue(r, 0, 1, (char *)&be, sizeof be));
	judges_read(j, r);
	PQclear(r);
}

static void batches(void **state)
{
	(void)state;
	static const struct {
		enum judge samples;
		const char *keys;
		size_t fits;
		bool order;
	} table[] = {
	    {JUDGE_WRITER, "aabAAB", 6, false},
	    {JUDGE_ROWS, "aabAB", 5, false},
	    {JUDGE_ROWS, "aabABA", 5, false},
	    {JUDGE_ROWS, "AbbAb", 3, false},
	    {JUDGE_ROWS, "---a-A", 6, false},
	    {JUDGE_ORDER, "aaba", 4, false},
	    {JUDGE_ORDER, "abcABC", 6, true},
	    {JUDGE_ORDER, "aAbA", 3, true},
	    {JUDGE_ORDER, "aAba", 3, true}, /* a trigger may look at a */
	    {JUDGE_ORDER, "aabA", 3, false},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct write writes[MOST];
		size_t n = make(table[i].keys, writes);
		struct judges *j = judges_new();
		read_judge(j, "samples", (int)table[i].samples);
		assert_int_equal(
		    judges_of(j, declared("samples")), table[i].samples);
		assert_int_equal(judges_fit(j, writes, n), table[i].fits);
		assert_int_equal(
		    judges_order(j, writes, table[i].fits), table[i].order);
		judges_free(&j);
	}
}

/* What is no judge changes nothing; the constraint gone, it is as before. */
static void answers(void **state)
{
	(void)state;
	struct judges *j = judges_new();
	read_judge(j, "nobody", 2);
	read_judge(j, "samples", 7);
	assert_int_equal(judges_of(j, declared("samples")), JUDGE_WRITER);
	read_judge(j, "samples", 2);
	assert_int_equal(judges_of(j, declared("samples")), JUDGE_ORDER);
	read_judge(j, "samples", 0);
	assert_int_equal(judges_of(j, declared("samples")), JUDGE_WRITER);
	judges_free(&j);
}

int main(void)
{
	declared("samples");
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(batches),
	    cmocka_unit_test(answers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
