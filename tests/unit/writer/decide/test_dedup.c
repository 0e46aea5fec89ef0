/* Copies of records are told from their numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "writer/decide/dedup.h"

#include <string.h>

static struct write make(char instance, uint64_t seq)
{
	struct write w = {.has_op = true, .said = {.seq = seq}};
	memset(w.said.instance, instance, RECORD_INSTANCE_LEN);
	return w;
}

static void copies(void **state)
{
	(void)state;
	struct dedup p = {0}, next = {0};
	dedup_set(&p, "aaaaaaaaaaaaaaaa", 16, 5);
	dedup_set(&p, "bbbbbbbbbbbbbbbb", 16, 1);
	struct write writes[] = {make('a', 5), make('a', 6), make('c', 1),
	    make('a', 6), make('b', 9), make('c', 1), make('a', 8),
	    make('b', 7), make('a', 1)};
	enum { N = sizeof writes / sizeof *writes };
	writes[8].has_op = false; /* no number: not one of ours */
	static const bool want[N] = {
	    true, false, false, true, false, true, false, true, false};
	bool out[N] = {false};
	dedup_judge(&p, writes, N, out, &next);
	assert_memory_equal(out, want, sizeof want);
	/* Until it is committed, nothing is adopted. */
	struct dedup again = {0};
	bool out2[N] = {false};
	dedup_judge(&p, writes, N, out2, &again);
	assert_memory_equal(out2, want, sizeof want);
	dedup_adopt(&p, &next);
	assert_int_equal(p.n, 3);
	assert_int_equal(p.all[0].seq, 8);
	assert_int_equal(p.all[1].seq, 9);
	assert_int_equal(p.all[2].seq, 1);
	dedup_free(&p);
	dedup_free(&next);
	dedup_free(&again);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(copies)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
