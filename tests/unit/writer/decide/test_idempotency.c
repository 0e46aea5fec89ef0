/* Retries: within a batch, of what Postgres knows, and other requests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "writer/decide/idempotency.h"

#include <string.h>

enum { N = 8 };

static struct write make(size_t i, const char *key, uint64_t fingerprint)
{
	return (struct write){
	    .version = 10 + i,
	    .said = {.idempotency_key = key,
		.idempotency_len = key ? strlen(key) : 0,
		.fingerprint = fingerprint},
	};
}

static void judged(void **state)
{
	(void)state;
	const struct write writes[N] = {
	    make(0, "new", 1),	 /* first */
	    make(1, NULL, 0),	 /* no key */
	    make(2, "known", 5), /* Postgres's */
	    make(3, "new", 1),	 /* a retry of 0 */
	    make(4, "new", 2),	 /* another request */
	    make(5, "known", 6), /* another request */
	    make(6, "copy", 1),	 /* out */
	    make(7, "copy", 1),	 /* so this is the first */
	};
	const bool out[N] = {[6] = true};
	const struct idempotency_record known[] = {
	    {"known", 5, 5, {3, 77}, "created", 7, {"k", 1}},
	    {"unasked", 7, 5, {3, 78}, "created", 7, {"u", 1}},
	};
	static const enum idempotency_role want[N] = {IDEMPOTENCY_FIRST,
	    IDEMPOTENCY_NONE, IDEMPOTENCY_REPLAY, IDEMPOTENCY_REPLAY,
	    IDEMPOTENCY_REUSED, IDEMPOTENCY_REUSED, IDEMPOTENCY_NONE,
	    IDEMPOTENCY_FIRST};
	struct idempotency_verdict v[N];
	size_t order[N];
	assert_int_equal(
	    idempotency_judge(writes, N, out, known, 2, v, order), 2);
	assert_int_equal(order[0], 7); /* "copy" is below "new" */
	assert_int_equal(order[1], 0);
	for (size_t i = 0; i < N; i++)
		assert_int_equal(v[i].role, want[i]);
	assert_ptr_equal(v[2].record, &known[0]);
	assert_null(v[3].record);
	assert_int_equal(v[3].first, 0);
	assert_int_equal(
	    idempotency_judge(writes, 0, out, NULL, 0, v, order), 0);
}

static struct write told(size_t i, const char *key, enum reason refused)
{
	struct write w = make(i, key, 1);
	w.announced = refused ? ANNOUNCED_REJECTED : ANNOUNCED_ACCEPTED;
	w.refused = refused;
	return w;
}

static struct write replayed(size_t i, const char *key)
{
	struct write w = make(i, key, 1);
	w.announced = ANNOUNCED_REPLAYED;
	return w;
}

/* It is what it was, whatever Postgres knows by now. */
static void as_it_was_told(void **state)
{
	(void)state;
	const struct write writes[N] = {
	    told(0, "known", REASON_NONE), /* of which the record is another */
	    replayed(1, "far"),		   /* its first is elsewhere */
	    told(2, "far", REASON_KEY_REUSED),
	    told(3, "new", REASON_CONSTRAINT), /* refused, and remembered */
	    replayed(4, "new"), told(5, NULL, REASON_NONE),
	    replayed(6, "known"), told(7, "copy", REASON_NONE), /* out */
	};
	const bool out[N] = {[7] = true};
	const struct idempotency_record known[] = {
	    {"known", 5, 9, {3, 77}, "created", 7, {"k", 1}}};
	static const enum idempotency_role want[N] = {IDEMPOTENCY_FIRST,
	    IDEMPOTENCY_REPLAY, IDEMPOTENCY_REUSED, IDEMPOTENCY_FIRST,
	    IDEMPOTENCY_REPLAY, IDEMPOTENCY_NONE, IDEMPOTENCY_REPLAY,
	    IDEMPOTENCY_NONE};
	struct idempotency_verdict v[N];
	size_t order[N];
	assert_int_equal(
	    idempotency_judge(writes, N, out, known, 1, v, order), 2);
	assert_int_equal(order[0], 0);
	assert_int_equal(order[1], 3);
	for (size_t i = 0; i < N; i++) {
		assert_int_equal(v[i].role, want[i]);
		bool replay = want[i] == IDEMPOTENCY_REPLAY;
		assert_ptr_equal(v[i].told, replay ? &writes[i].first : NULL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(judged),
	    cmocka_unit_test(as_it_was_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
