/* The results of a bulk: every kind, in both forms, and what they keep. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/bulk/bulk_results.h"

#include <jansson.h>
#include <string.h>

#define URN "urn:sluice:problem:"

static const struct bulk_results_words ARRAY = {.form = BULK_RESULTS_ARRAY};
static const struct bulk_results_words LINES = {.form = BULK_RESULTS_LINES};

static void accept_at(struct bulk_results *r, const char *key,
    int32_t partition, version_t version)
{
	size_t i = bulk_results_add(r);
	bulk_results_key(r, i, key, strlen(key));
	bulk_results_accepted(r, i, &(struct position){partition, version});
}

static void wants(const struct bulk_results *r, struct bulk_results_words words,
    const char *want)
{
	struct buf out = {0};
	bulk_results_write(r, words, &out);
	assert_string_equal(out.data ? out.data : "", want);
	buf_free(&out);
}

static void nothing(void **state)
{
	(void)state;
	struct bulk_results r = {0};
	wants(&r, ARRAY, "[]\n");
	wants(&r, LINES, "");
	bulk_results_free(&r);
}

static void every_kind(void **state)
{
	(void)state;
	struct bulk_results r = {0};
	struct violations v = {0};
	violations_add(&v, "a/b", "is \"bad\"");
	violations_add(&v, NULL, "is worse");
	accept_at(&r, "1", 0, 7);
	accept_at(&r, "q\"\n", 3, 9);
	accept_at(&r, "3", 1, 5);
	accept_at(&r, "4", 1, 6);
	size_t i = bulk_results_add(&r);
	bulk_results_key(&r, i, "5", 1);
	bulk_results_accepted(&r, i, NULL);
	i = bulk_results_add(&r);
	bulk_results_problem(&r, i, PROBLEM_VALIDATION, &v);
	i = bulk_results_add(&r);
	bulk_results_key(&r, i, "7", 1);
	bulk_results_problem(&r, i, PROBLEM_OUTCOME_UNKNOWN, NULL);
	bulk_results_settled(&r, 1, (struct outcome){.kind = OUTCOME_CREATED});
	bulk_results_settled(&r, 2, (struct outcome){.kind = OUTCOME_APPLIED});
	bulk_results_settled(&r, 3,
	    (struct outcome){
		.kind = OUTCOME_REJECTED, .reason = REASON_KEY_EXISTS});
	assert_true(bulk_results_open(&r, 0));
	for (i = 1; i < r.n; i++)
		assert_false(bulk_results_open(&r, i));
	wants(&r, LINES,
	    "{\"key\":\"1\",\"position\":\"0-7\",\"status\":202}\n"
	    "{\"key\":\"q\\\"\\n\",\"position\":\"3-9\",\"status\":201}\n"
	    "{\"key\":\"3\",\"position\":\"1-5\",\"status\":200}\n"
	    "{\"key\":\"4\",\"position\":\"1-6\",\"status\":409,"
	    "\"type\":\"" URN "key-exists\"}\n"
	    "{\"key\":\"5\",\"status\":202}\n"
	    "{\"status\":422,\"type\":\"" URN "validation-failed\",\"errors\":["
	    "{\"pointer\":\"/a~1b\",\"detail\":\"is \\\"bad\\\"\"},"
	    "{\"pointer\":\"\",\"detail\":\"is worse\"}]}\n"
	    "{\"key\":\"7\",\"status\":503,"
	    "\"type\":\"" URN "write-outcome-unknown\"}\n");
	assert_true(bulk_results_have(&r, 503));
	assert_false(bulk_results_have(&r, 413));

	struct buf text = {0};
	bulk_results_positions(&r, 8, &text);
	assert_string_equal(text.data, "0-7, 1-6, 3-9");
	buf_clear(&text);
	bulk_results_write(&r, ARRAY, &text);
	json_t *array = json_loads(text.data, 0, NULL);
	assert_int_equal(json_array_size(array), r.n);
	json_decref(array);
	buf_free(&text);
	violations_free(&v);
	bulk_results_free(&r);
}

/* Only what is not as it was asked for. */
static void minimal(void **state)
{
	(void)state;
	struct bulk_results r = {0};
	struct bulk_results_words words = {
	    .form = BULK_RESULTS_ARRAY, .minimal = true};
	accept_at(&r, "a", 0, 1);
	accept_at(&r, "b", 0, 2);
	wants(&r, words, "[]\n");
	bulk_results_settled(&r, 0, (struct outcome){.kind = OUTCOME_CREATED});
	wants(&r, words, "[]\n");
	words.waited = true;
	wants(&r, words,
	    "[\n{\"index\":1,\"key\":\"b\",\"position\":\"0-2\","
	    "\"status\":202}\n]\n");
	bulk_results_settled(&r, 1,
	    (struct outcome){
		.kind = OUTCOME_REJECTED, .reason = REASON_KEY_EXISTS});
	words.form = BULK_RESULTS_LINES;
	wants(&r, words,
	    "{\"index\":1,\"key\":\"b\",\"position\":\"0-2\",\"status\":409,"
	    "\"type\":\"" URN "key-exists\"}\n");
	bulk_results_free(&r);
}

static void skipped_and_replayed(void **state)
{
	static const struct outcome there = {
	    .kind = OUTCOME_REJECTED, .reason = REASON_KEY_EXISTS};
	(void)state;
	struct bulk_results r = {.skips = true};
	accept_at(&r, "a", 0, 1);
	accept_at(&r, "b", 0, 2);
	accept_at(&r, "c", 0, 3);
	bulk_results_settled(&r, 0, there);
	bulk_results_settled(&r, 1, (struct outcome){.kind = OUTCOME_CREATED});
	bulk_results_replayed(&r, 1, "first");
	bulk_results_settled(&r, 2, (struct outcome){.kind = OUTCOME_DELETED});
	bulk_results_replayed(&r, 2, "");
	wants(&r, LINES,
	    "{\"key\":\"a\",\"position\":\"0-1\",\"status\":200,"
	    "\"skipped\":true}\n"
	    "{\"key\":\"first\",\"position\":\"0-2\",\"status\":201,"
	    "\"replayed\":true}\n"
	    "{\"key\":\"c\",\"position\":\"0-3\",\"status\":200,"
	    "\"replayed\":true}\n");
	wants(&r,
	    (struct bulk_results_words){
		.form = BULK_RESULTS_LINES, .minimal = true, .waited = true},
	    "");
	bulk_results_free(&r);
}

/* The texts of errors end, the results do not. */
static void bounded(void **state)
{
	(void)state;
	struct bulk_results r = {0};
	struct violations v = {0};
	for (int i = 0; i < 100; i++)
		violations_add(&v, "field", "is wrong in a way that is told");
	for (int i = 0; i < 10000; i++)
		bulk_results_problem(
		    &r, bulk_results_add(&r), PROBLEM_VALIDATION, &v);
	assert_true(r.texts.len < BULK_RESULTS_ERRORS + 16384);
	assert_int_not_equal(r.items[0].errors, 0);
	assert_int_equal(r.items[9999].errors, 0);
	struct buf out = {0};
	bulk_results_write(&r, LINES, &out);
	assert_non_null(strstr(out.data + out.len - 100, "\"status\":422"));
	buf_free(&out);
	violations_free(&v);
	bulk_results_drop(&r);
	assert_int_equal(r.n, 9999);
	bulk_results_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(nothing),
	    cmocka_unit_test(every_kind),
	    cmocka_unit_test(minimal),
	    cmocka_unit_test(skipped_and_replayed),
	    cmocka_unit_test(bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
