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

/* The write of a letter: capitals are of samples, small ones of records; '-':
 * refused. */
static struct write write_of(char letter, char id[16])
{
	const char *name =
	    letter >= 'A' && letter <= 'Z' ? "samples" : "records";
	snprintf(id, 16, "%s/%c", name, letter);
	return (struct write){
	    .id = id,
	    .id_len = strlen(id),
	    .collection = declared(name),
	    .refused = letter == '-' ? REASON_DATA : REASON_NONE,
	};
}

/* A letter is a write; a letter before '+': a touch; letters in parentheses: an
 * atomic batch. */
static size_t make(const char *keys, struct write out[MOST])
{
	static char ids[MOST][16];
	static struct write operations[MOST];
	size_t n = 0, at = 0;
	bool atomic = false;
	for (size_t i = 0; keys[i]; i++) {
		assert_true(n < MOST && at < MOST);
		if (keys[i] == '(') {
			out[n] = (struct write){
			    .op = RECORD_BATCH, .operations = &operations[at]};
			atomic = true;
		} else if (keys[i] == ')') {
			atomic = false;
			n++;
		} else if (keys[i] == '+') {
			out[n - 1].op = RECORD_TOUCH;
		} else if (atomic) {
			operations[at] = write_of(keys[i], ids[at]);
			operations[at++].part = true;
			out[n].noperations++;
		} else {
			out[n++] = write_of(keys[i], ids[at]);
			at++;
		}
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
	    {JUDGE_WRITER, "a+a+bc+", 4, false},
	    {JUDGE_WRITER, "aba+c", 2, false},
	    {JUDGE_WRITER, "a+b+ca", 3, false},
	    {JUDGE_ROWS, "a+A+bA+", 3, false},
	    {JUDGE_WRITER, "a(bc)d(ef)aa", 6, false},
	    {JUDGE_WRITER, "(ab)cb", 2, false},
	    {JUDGE_WRITER, "acc(bc)", 3, false},
	    {JUDGE_WRITER, "(ab)(cb)", 1, false},
	    {JUDGE_ORDER, "aab(cA)", 3, false},
	    {JUDGE_ORDER, "a(cA)bb", 3, true},
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
