/* The judges in their order; what each write's record and mark say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "writer/decide/verdicts.h"

#include "tests/unit/declared.h"

#include <stdlib.h>
#include <string.h>

enum { N = 9 };

/* A write that needs no row: a put, a delete, or one that was refused. */
static struct write make(size_t i, enum record_op op, uint64_t seq)
{
	struct write w = {
	    .version = 100 + i,
	    .op = op,
	    .has_op = true,
	    .id = "records/a",
	    .id_len = 9,
	    .collection = declared("records"),
	    .key = "a",
	    .key_len = 1,
	    .body = "{\"value\":\"\"}",
	    .body_len = 12,
	    .said = {.seq = seq},
	};
	memcpy(w.said.instance, "0123456789abcdef", 17);
	return w;
}

static struct write keyed(
    size_t i, uint64_t seq, const char *key, uint64_t fingerprint)
{
	struct write w = make(i, RECORD_PUT, seq);
	w.refused = REASON_DATA;
	w.said.idempotency_key = key;
	w.said.idempotency_len = strlen(key);
	w.said.fingerprint = fingerprint;
	return w;
}

static void judges(void **state)
{
	(void)state;
	const struct write writes[N] = {
	    make(0, RECORD_DELETE, 11),
	    make(1, RECORD_DELETE, 12), /* nothing is left to delete */
	    make(2, RECORD_PUT, 13),
	    make(3, RECORD_PUT, 13), /* a copy */
	    keyed(4, 14, "k", 1),    /* refused, and remembered as that */
	    keyed(5, 15, "k", 1),    /* its retry */
	    keyed(6, 16, "k", 2),    /* another request */
	    keyed(7, 10, "l", 1),    /* a copy: its key is not taken */
	    make(8, RECORD_PUT, 17),
	};
	static const enum reason want[N] = {REASON_NONE, REASON_NOT_FOUND,
	    REASON_NONE, REASON_NONE, REASON_DATA, REASON_NONE,
	    REASON_KEY_REUSED, REASON_NONE, REASON_NONE};
	struct dedup producers = {0};
	dedup_set(&producers, "0123456789abcdef", 16, 10);
	struct verdicts v;
	verdicts_init(&v, 3, writes, N, &producers, NULL);
	size_t said = 0;
	for (size_t i = 0; i < N; i++) {
		bool replayed = i == 5;
		assert_int_equal(verdicts_reason(&v, i), want[i]);
		assert_int_equal(verdicts_replayed(&v, i), replayed);
		if (want[i] == REASON_NONE && !replayed)
			continue;
		assert_int_equal(v.said[said].reason, want[i]);
		assert_int_equal(v.said[said].replayed, replayed);
		assert_int_equal(v.said[said++].version, 100 + i);
	}
	assert_int_equal(v.nsaid, said);
	assert_int_equal(v.nreplays, 1);
	assert_int_equal(v.nrejected, said - 1);
	const struct record_first *first = &v.said[2].first;
	assert_true(first->has_position && first->position.version == 104);
	assert_int_equal(first->position.partition, 3);
	assert_string_equal(first->outcome.s, "validation-failed");
	assert_string_equal(first->key.s, "a");
	assert_int_equal(v.ncopies, 2);
	assert_int_equal(v.nfirsts, 1);
	assert_int_equal(v.firsts[0], 4);
	assert_string_equal(verdicts_outcome(&v, 4), "validation-failed");
	assert_string_equal(verdicts_outcome(&v, 0), "deleted");
	assert_string_equal(verdicts_outcome(&v, 2), "created");
	assert_string_equal(verdicts_outcome(&v, 8), "replaced");
	assert_int_equal(v.fold.n, 1);
	assert_int_equal(v.fold.changes[0].nwrites, 4);
	assert_int_equal(v.next.all[0].seq, 17);
	/* Postgres says that there was no row. */
	fold_settle(&v.fold.changes[0], false);
	verdicts_collect(&v);
	assert_int_equal(v.nsaid, said + 1);
	assert_int_equal(v.nrejected, said);
	assert_int_equal(v.said[0].version, 100);
	assert_int_equal(v.said[0].reason, REASON_NOT_FOUND);
	verdicts_free(&v);
	dedup_free(&producers);
}

static struct write told(size_t i, enum record_op op, enum announced_as as,
    enum reason reason, const char *detail)
{
	struct write w = make(i, op, 11 + i);
	const struct record_verdict r = {.version = w.version,
	    .reason = reason,
	    .detail = {detail, strlen(detail)}};
	write_told(&w, as, &r);
	return w;
}

/* What was told is judged first: what would have passed is refused. One that
 * was told as accepted and cannot be makes all of it another history. */
static void told_outcomes_count(void **state)
{
	(void)state;
	struct write writes[] = {
	    told(0, RECORD_PUT, ANNOUNCED_REJECTED, REASON_CONSTRAINT, "few"),
	    told(1, RECORD_PUT, ANNOUNCED_ACCEPTED, REASON_NONE, ""),
	    told(2, RECORD_DELETE, ANNOUNCED_ACCEPTED, REASON_NONE, ""),
	    told(3, RECORD_DELETE, ANNOUNCED_REJECTED, REASON_NOT_FOUND, ""),
	    told(4, RECORD_DELETE, ANNOUNCED_ACCEPTED, REASON_NONE, ""),
	};
	struct dedup producers = {0};
	struct verdicts v;
	verdicts_init(&v, 3, writes, 4, &producers, NULL);
	assert_int_equal(v.nrejected, 2);
	assert_int_equal(v.said[0].version, 100);
	assert_int_equal(v.said[0].reason, REASON_CONSTRAINT);
	assert_memory_equal(v.said[0].detail.s, "few", 3);
	assert_int_equal(v.said[1].version, 103);
	assert_false(v.anew);
	verdicts_free(&v);
	verdicts_init(&v, 3, writes, 5, &producers, NULL);
	assert_int_equal(v.nrejected, 3);
	assert_true(v.anew);
	verdicts_free(&v);
	dedup_free(&producers);
	for (size_t i = 0; i < 5; i++)
		write_clear(&writes[i]);
}

/* The row that a touch takes need not be the one that was announced. */
static void a_touch_that_comes_again(void **state)
{
	(void)state;
	struct dedup producers = {0};
	for (int again = 0; again < 2; again++) {
		struct write w = make(0, RECORD_TOUCH, 11);
		struct verdicts v;
		if (again)
			write_told(&w, ANNOUNCED_ACCEPTED, NULL);
		verdicts_init(&v, 3, &w, 1, &producers, NULL);
		assert_int_equal(v.nsaid, 0);
		assert_int_equal(v.anew, again);
		verdicts_free(&v);
	}
	dedup_free(&producers);
}

/* A replay that was announced is said again as it was, whatever Postgres has.
 */
static void a_told_replay(void **state)
{
	(void)state;
	struct write w = make(0, RECORD_PUT, 11);
	w.said.idempotency_key = "k";
	w.said.idempotency_len = 1;
	char outcome[] = "deleted", key[] = "b";
	const struct record_verdict r = {.version = 100,
	    .replayed = true,
	    .first = {.has_position = true,
		.position = {5, 7},
		.outcome = {outcome, 7},
		.key = {key, 1}}};
	write_told(&w, ANNOUNCED_REPLAYED, &r);
	memset(outcome, 'x', 7); /* it was copied */
	memset(key, 'x', 1);
	struct dedup producers = {0};
	struct verdicts v;
	verdicts_init(&v, 3, &w, 1, &producers, NULL);
	assert_int_equal(v.fold.n, 0);
	assert_int_equal(v.nrejected, 0);
	assert_int_equal(v.nsaid, 1);
	assert_false(v.anew);
	assert_true(v.said[0].replayed);
	assert_int_equal(v.said[0].first.position.partition, 5);
	assert_true(v.said[0].first.position.version == 7);
	assert_string_equal(v.said[0].first.outcome.s, "deleted");
	assert_string_equal(v.said[0].first.key.s, "b");
	verdicts_free(&v);
	dedup_free(&producers);
	write_clear(&w);
}

/* A batch of two puts, which need no rows. */
static struct write make_batch(struct write operations[2])
{
	struct write w = make(0, RECORD_BATCH, 11);
	w.id = "_batch/g";
	w.id_len = 8;
	w.collection = NULL;
	w.key = "g";
	w.operations = operations;
	w.noperations = 2;
	for (size_t i = 0; i < 2; i++) {
		operations[i] = make(0, RECORD_PUT, 11);
		operations[i].part = true;
	}
	operations[1].id = "records/b";
	operations[1].key = "b";
	return w;
}

/* Beside a single write, in one slice. */
static void several_batches(void **state)
{
	(void)state;
	static const char detail[] = "operation 0: few";
	const struct record_verdict r = {.version = 101,
	    .reason = REASON_CONSTRAINT,
	    .detail = {detail, strlen(detail)}};
	struct dedup producers = {0};
	struct write operations[2][2], w[3];
	for (size_t i = 0; i < 2; i++) {
		w[i] = make_batch(operations[i]);
		w[i].version = operations[i][0].version =
		    operations[i][1].version = 100 + i;
		w[i].said.seq = 11 + i;
	}
	operations[1][0].id = "records/c";
	operations[1][1].id = "records/d";
	w[2] = make(2, RECORD_PUT, 13);
	w[2].id = "records/e";
	struct verdicts v;
	verdicts_init(&v, 3, w, 3, &producers, NULL);
	assert_int_equal(v.fold.n, 5);
	assert_int_equal(v.nsaid, 0);
	assert_string_equal(verdicts_outcome(&v, 0), "replaced");
	assert_string_equal(verdicts_outcome(&v, 1), "replaced");
	verdicts_free(&v);
	/* One of them is refused: the others take effect. */
	write_told(&w[1], ANNOUNCED_REJECTED, &r);
	verdicts_init(&v, 3, w, 3, &producers, NULL);
	assert_int_equal(v.fold.n, 3);
	assert_int_equal(v.nsaid, 1);
	assert_true(v.said[0].version == 101);
	assert_string_equal(verdicts_outcome(&v, 0), "replaced");
	assert_string_equal(verdicts_outcome(&v, 1), "constraint-violation");
	verdicts_free(&v);
	dedup_free(&producers);
	free(w[1].detail);
}

/* One write to its log, several rows to Postgres; and what was announced of it
 * counts. */
static void a_batch(void **state)
{
	(void)state;
	static const char detail[] = "operation 1: few";
	const struct record_verdict r = {.version = 100,
	    .reason = REASON_CONSTRAINT,
	    .detail = {detail, strlen(detail)}};
	struct dedup producers = {0};
	struct write operations[2], w = make_batch(operations);
	w.said.idempotency_key = "k";
	w.said.idempotency_len = 1;
	struct verdicts v;
	verdicts_init(&v, 3, &w, 1, &producers, NULL);
	assert_int_equal(v.fold.n, 2);
	assert_int_equal(v.nsaid, 0);
	assert_int_equal(v.nfirsts, 1);
	assert_string_equal(verdicts_outcome(&v, 0), "replaced");
	verdicts_free(&v);
	write_told(&w, ANNOUNCED_ACCEPTED, NULL);
	verdicts_init(&v, 3, &w, 1, &producers, NULL);
	assert_int_equal(v.fold.n, 2);
	assert_false(v.anew);
	verdicts_free(&v);
	write_told(&w, ANNOUNCED_REJECTED, &r);
	verdicts_init(&v, 3, &w, 1, &producers, NULL);
	assert_int_equal(v.fold.n, 0);
	assert_int_equal(v.nsaid, 1);
	assert_int_equal(v.said[0].reason, REASON_CONSTRAINT);
	assert_memory_equal(v.said[0].detail.s, detail, strlen(detail));
	assert_string_equal(verdicts_outcome(&v, 0), "constraint-violation");
	verdicts_free(&v);
	dedup_free(&producers);
	free(w.detail);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(judges),
	    cmocka_unit_test(told_outcomes_count),
	    cmocka_unit_test(a_touch_that_comes_again),
	    cmocka_unit_test(a_told_replay),
	    cmocka_unit_test(a_batch),
	    cmocka_unit_test(several_batches),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
