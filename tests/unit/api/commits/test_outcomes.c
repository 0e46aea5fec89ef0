/* Outcomes: kept, evicted into "unknown", never guessed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/commits/outcomes.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>

static const struct outcome created = {.kind = OUTCOME_CREATED};
static const struct outcome rejected = {
    .kind = OUTCOME_REJECTED, .reason = REASON_CONSTRAINT};

static enum outcome_kind kind(struct outcomes *o, version_t v)
{
	return outcomes_get(o, (struct position){0, v}, NULL).kind;
}

static void put(struct outcomes *o, version_t v, struct outcome outcome)
{
	outcomes_record(o, (struct position){0, v}, outcome, NULL);
}

static void before_the_start(void **state)
{
	(void)state;
	struct outcomes *o = outcomes_new(2, 4);
	assert_int_equal(kind(o, 10), OUTCOME_UNKNOWN);
	put(o, 9, created);
	put(o, 12, created); /* of the batch that the first mark ends */
	assert_int_equal(kind(o, 12), OUTCOME_UNKNOWN);
	outcomes_start(o, 0, 10);
	assert_int_equal(kind(o, 9), OUTCOME_UNKNOWN);
	assert_int_equal(kind(o, 10), OUTCOME_APPLIED);
	assert_int_equal(kind(o, 12), OUTCOME_CREATED);
	struct position other = {1, 12};
	assert_int_equal(outcomes_get(o, other, NULL).kind, OUTCOME_UNKNOWN);
	outcomes_start(o, 0, 13); /* a jump */
	assert_int_equal(kind(o, 12), OUTCOME_UNKNOWN);
	outcomes_start(o, 0, 5); /* what is forgotten stays forgotten */
	assert_int_equal(kind(o, 12), OUTCOME_UNKNOWN);
	assert_int_equal(kind(o, 13), OUTCOME_APPLIED);
	outcomes_free(&o);
	assert_null(o);
	outcomes_free(&o);
}

static void any_order_and_again(void **state)
{
	(void)state;
	struct outcomes *o = outcomes_new(1, 4);
	outcomes_start(o, 0, 0);
	put(o, 7, created);
	put(o, 3, rejected);
	put(o, 5, created);
	put(o, 5, rejected); /* the same again: a no-op */
	put(o, 1, rejected);
	assert_int_equal(kind(o, 0), OUTCOME_APPLIED);
	assert_int_equal(kind(o, 1), OUTCOME_REJECTED);
	assert_int_equal(kind(o, 2), OUTCOME_APPLIED);
	assert_int_equal(kind(o, 3), OUTCOME_REJECTED);
	assert_int_equal(kind(o, 5), OUTCOME_CREATED);
	assert_int_equal(kind(o, 7), OUTCOME_CREATED);
	assert_int_equal(kind(o, 8), OUTCOME_APPLIED);
	struct outcome three = outcomes_get(o, (struct position){0, 3}, NULL);
	assert_int_equal(three.reason, REASON_CONSTRAINT);
	outcomes_free(&o);
}

static void eviction_is_said(void **state)
{
	(void)state;
	struct outcomes *o = outcomes_new(1, 2);
	outcomes_start(o, 0, 0);
	put(o, 10, created);
	put(o, 20, created);
	assert_int_equal(kind(o, 0), OUTCOME_APPLIED);
	put(o, 30, created); /* evicts 10 */
	assert_int_equal(kind(o, 10), OUTCOME_UNKNOWN);
	assert_int_equal(kind(o, 11), OUTCOME_APPLIED);
	put(o, 15, created); /* the lowest of three: is itself evicted */
	assert_int_equal(kind(o, 15), OUTCOME_UNKNOWN);
	assert_int_equal(kind(o, 16), OUTCOME_APPLIED);
	put(o, 25, rejected); /* between: evicts 20 */
	assert_int_equal(kind(o, 20), OUTCOME_UNKNOWN);
	assert_int_equal(kind(o, 25), OUTCOME_REJECTED);
	assert_int_equal(kind(o, 30), OUTCOME_CREATED);
	put(o, 10, created); /* too late: stays unknown */
	assert_int_equal(kind(o, 10), OUTCOME_UNKNOWN);
	assert_int_equal(kind(o, 25), OUTCOME_REJECTED);
	outcomes_free(&o);
}

/* Random records against plain arrays: an answer is right or unknown; it is
 * unknown only below a start or below something evicted. */
static void against_a_model(void **state)
{
	(void)state;
	enum { VERSIONS = 64, CAPACITY = 5, LIVES = 3000 };
	uint64_t random = 20240607;
	for (int life = 0; life < LIVES; life++) {
		struct outcomes *o = outcomes_new(1, CAPACITY);
		enum outcome_kind truth[VERSIONS] = {OUTCOME_UNKNOWN};
		outcomes_start(o, 0, 0);
		for (int n = 0; n < 20; n++) {
			random = random * 6364136223846793005u + 1;
			size_t v = (size_t)(random >> 33) % VERSIONS;
			bool ok = random >> 63;
			put(o, v, ok ? created : rejected);
			if (truth[v] == OUTCOME_UNKNOWN)
				truth[v] =
				    ok ? OUTCOME_CREATED : OUTCOME_REJECTED;
		}
		int kept = 0;
		size_t v = VERSIONS;
		while (v-- > 0 && kept < CAPACITY) {
			bool plain = truth[v] == OUTCOME_UNKNOWN;
			assert_int_equal(
			    kind(o, v), plain ? OUTCOME_APPLIED : truth[v]);
			kept += !plain;
		}
		for (; v < VERSIONS; v--)
			assert_true(kind(o, v) == OUTCOME_UNKNOWN ||
				    truth[v] == OUTCOME_UNKNOWN);
		outcomes_free(&o);
	}
}

static struct record_verdict replay(
    version_t v, const char *outcome, const char *key)
{
	return (struct record_verdict){
	    .version = v,
	    .replayed = true,
	    .first = {.has_position = true,
		.position = {1, v / 2},
		.outcome = {outcome, outcome ? strlen(outcome) : 0},
		.key = {key, key ? strlen(key) : 0}},
	};
}

enum { LAST = 50000 };

static void *record_all(void *arg)
{
	for (version_t v = 0; v <= LAST; v++) {
		const struct record_verdict said = replay(v, "replaced", "key");
		if (v % 8 == 4)
			outcomes_verdict(arg, 0, &said);
		else
			put(arg, v, v % 2 ? created : rejected);
	}
	return NULL;
}

static void while_the_tail_writes(void **state)
{
	(void)state;
	struct outcomes *o = outcomes_new(1, 64);
	pthread_t thread;
	outcomes_start(o, 0, 0);
	assert_int_equal(pthread_create(&thread, NULL, record_all, o), 0);
	for (version_t v = 0; v <= LAST; v++) {
		struct outcome_first first;
		struct outcome got =
		    outcomes_get(o, (struct position){0, LAST - v}, &first);
		if (got.kind == OUTCOME_REJECTED)
			assert_int_equal(got.reason, REASON_CONSTRAINT);
		if (got.replayed)
			assert_string_equal(first.key, "key");
	}
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(kind(o, LAST), OUTCOME_REJECTED);
	assert_int_equal(kind(o, LAST - 1), OUTCOME_CREATED);
	assert_int_equal(kind(o, LAST - 64), OUTCOME_UNKNOWN);
	outcomes_free(&o);
}

static void expect_replay(struct outcomes *o, version_t v,
    enum outcome_kind kind, enum reason reason, const char *key)
{
	struct outcome_first first = {0};
	struct outcome got = outcomes_get(o, (struct position){0, v}, &first);
	assert_int_equal(got.kind, kind);
	assert_int_equal(got.reason, reason);
	assert_int_equal(got.replayed, kind != OUTCOME_UNKNOWN);
	if (!got.replayed)
		return;
	assert_int_equal(first.position.partition, 1);
	assert_true(first.position.version == v / 2);
	assert_string_equal(first.key, key);
}

/* They have the outcome of the first write. */
static void replays(void **state)
{
	(void)state;
	char longest[COLLECTION_KEY_MAX + 2];
	memset(longest, 'k', sizeof longest - 1);
	longest[sizeof longest - 1] = '\0';
	const struct record_verdict said[] = {
	    replay(1, "created", "a"),
	    replay(2, "replaced", ""),
	    replay(3, "deleted", NULL),
	    replay(4, "constraint-violation", longest + 1),
	    replay(5, "newer", "b"),
	    replay(6, NULL, "c"),
	    replay(7, "created", longest),
	    replay(8, "created", "d"),
	    replay(9, "created", "e"),
	    {.version = 10, .reason = REASON_NOT_FOUND},
	};
	enum { N = sizeof said / sizeof *said };
	struct outcomes *o = outcomes_new(2, N);
	outcomes_start(o, 0, 0);
	for (size_t i = 0; i < N; i++) {
		struct record_verdict v = said[i];
		v.first.has_position = v.version != 8;
		if (v.version == 9)
			v.first.position.partition = 2; /* there is none */
		outcomes_verdict(o, 0, &v);
		outcomes_verdict(o, 0, &v); /* a no-op */
	}
	expect_replay(o, 1, OUTCOME_CREATED, REASON_NONE, "a");
	expect_replay(o, 2, OUTCOME_REPLACED, REASON_NONE, "");
	expect_replay(o, 3, OUTCOME_DELETED, REASON_NONE, "");
	expect_replay(o, 4, OUTCOME_REJECTED, REASON_CONSTRAINT, longest + 1);
	expect_replay(o, 5, OUTCOME_REJECTED, REASON_DATA, "b");
	for (version_t v = 6; v < 10; v++)
		expect_replay(o, v, OUTCOME_UNKNOWN, REASON_NONE, NULL);
	struct outcome plain = outcomes_get(o, (struct position){0, 10}, NULL);
	assert_int_equal(plain.kind, OUTCOME_REJECTED);
	assert_int_equal(plain.reason, REASON_NOT_FOUND);
	assert_false(plain.replayed);
	put(o, 11, created); /* evicts a replay */
	assert_int_equal(kind(o, 1), OUTCOME_UNKNOWN);
	outcomes_verdict(o, 0, &said[0]); /* too late */
	assert_int_equal(kind(o, 1), OUTCOME_UNKNOWN);
	outcomes_forget(o, 0);
	outcomes_verdict(o, 0, &said[3]);
	outcomes_free(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(before_the_start),
	    cmocka_unit_test(any_order_and_again),
	    cmocka_unit_test(eviction_is_said),
	    cmocka_unit_test(against_a_model),
	    cmocka_unit_test(while_the_tail_writes),
	    cmocka_unit_test(replays),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
