/* An operation as a client writes it: a line of a bulk. What is special about
 * an operation of an atomic batch is in api/batch/test_batch_body.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/operation/one_operation.h"

#include "tests/unit/declared.h"

#include <string.h>

enum { MOST = 1000 };

static enum validity read(struct one_operation *o, const char *collection,
    const char *text, struct violations *faults)
{
	struct validation parsed;
	struct jsonslice value;
	char why[160];
	assert_true(validate_parse(text, strlen(text), &value, &parsed));
	one_operation_read(o, declared(collection), value, faults);
	if (!o->good)
		return INVALID;
	return one_operation_validate(
	    o, ONE_OPERATION_DOCUMENT, MOST, faults, why);
}

static void becomes_a_record(void **state)
{
	static const struct {
		const char *collection, *text;
		enum record_op op;
		enum record_condition condition;
		const char *id, *body, *versions, *idempotency;
	} cases[] = {
	    {"counters",
		"{\"op\":\"put\",\"key\":\"a\",\"document\":{\"count\":1}}",
		RECORD_PUT, RECORD_ALWAYS, "counters/a", "{\"count\":1}", "",
		""},
	    {"counters",
		"{\"op\":\"create\",\"key\":\"a\",\"document\":{\"count\":1},"
		"\"idempotency_key\":\"k-1\"}",
		RECORD_PUT, RECORD_CREATE, "counters/a", "{\"count\":1}", "",
		"k-1"},
	    {"counters",
		"{\"op\":\"create\",\"document\":{\"key\":\"b\",\"count\":1}}",
		RECORD_PUT, RECORD_CREATE, "counters/b", NULL, "", ""},
	    {"counters", "{\"op\":\"create\",\"document\":{\"count\":1}}",
		RECORD_PUT, RECORD_CREATE, "counters/", "{\"count\":1}", "",
		""},
	    {"counters",
		"{\"op\":\"increment\",\"key\":\"a\",\"document\":{\"count\":1}"
		","
		"\"if_match\":\"\\\"12\\\", \\\"13\\\"\"}",
		RECORD_INCREMENT, RECORD_IF_MATCH, "counters/a",
		"{\"count\":1}", "12,13", ""},
	    {"counters",
		"{\"op\":\"patch\",\"key\":\"a\",\"document\":{\"amount\":null}"
		"}",
		RECORD_PATCH, RECORD_ALWAYS, "counters/a", "{\"amount\":null}",
		"", ""},
	    {"counters",
		"{\"op\":\"put\",\"key\":\"a\",\"document\":{\"count\":1},"
		"\"if_none_match\":\"*\"}",
		RECORD_PUT, RECORD_IF_ABSENT, "counters/a", "{\"count\":1}", "",
		""},
	    {"posts", "{\"op\":\"delete\",\"key\":17}", RECORD_DELETE,
		RECORD_ALWAYS, "posts/17", "", "", ""},
	    {"posts", "{\"op\":\"delete\",\"key\":\"17\"}", RECORD_DELETE,
		RECORD_ALWAYS, "posts/17", "", "", ""},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct one_operation o;
		struct violations faults = {0};
		assert_int_equal(
		    read(&o, cases[i].collection, cases[i].text, &faults),
		    VALID);
		struct record_write w = one_operation_record(&o);
		assert_int_equal(w.op, cases[i].op);
		assert_int_equal(w.condition, cases[i].condition);
		assert_int_equal(w.id_len, strlen(cases[i].id));
		assert_memory_equal(w.id, cases[i].id, w.id_len);
		assert_true(w.shape == declared(cases[i].collection)->shape);
		if (cases[i].body) {
			assert_int_equal(w.body_len, strlen(cases[i].body));
			assert_memory_equal(w.body, cases[i].body, w.body_len);
		}
		assert_int_equal(w.versions_len, strlen(cases[i].versions));
		assert_memory_equal(
		    w.versions, cases[i].versions, w.versions_len);
		assert_int_equal(
		    o.idempotency_key.len, strlen(cases[i].idempotency));
		one_operation_free(&o);
	}
}

static void is_refused(void **state)
{
	static const struct {
		const char *text, *pointer, *detail;
	} cases[] = {
	    {"5", "", "must be an object"},
	    {"{}", "/op", "is required"},
	    {"{\"op\":\"upsert\"}", "/op", "must be create, put, patch"},
	    {"{\"op\":\"\",\"key\":\"a\"}", "/op", "must be create"},
	    {"{\"op\":\"put\",\"document\":{\"count\":1}}", "/key",
		"is required"},
	    {"{\"op\":\"put\",\"key\":5,\"document\":{\"count\":1}}", "/key",
		"must be a string"},
	    {"{\"op\":\"put\",\"key\":\"\",\"document\":{\"count\":1}}", "/key",
		""},
	    {"{\"op\":\"put\",\"key\":\"a\"}", "/document", "is required"},
	    {"{\"op\":\"delete\",\"key\":\"a\",\"document\":{}}", "/document",
		"a delete has none"},
	    {"{\"op\":\"put\",\"key\":\"a\",\"document\":{\"count\":\"x\"}}",
		"/document/count", "must be "},
	    {"{\"op\":\"put\",\"key\":\"a\",\"document\":5}", "/document",
		"must be an object"},
	    {"{\"op\":\"put\",\"key\":\"a\",\"document\":{\"count\":1},"
	     "\"if_match\":\"x\"}",
		"/if_match", "entity tags"},
	    {"{\"op\":\"create\",\"document\":{\"count\":1},"
	     "\"if_match\":\"*\"}",
		"/if_match", "a create makes a row"},
	    {"{\"op\":\"create\",\"document\":{\"count\":1},"
	     "\"idempotency_key\":\"a b\"}",
		"/idempotency_key", "visible ASCII"},
	    {"{\"op\":\"create\",\"document\":{\"count\":1},"
	     "\"idempotency_key\":\"\"}",
		"/idempotency_key", "visible ASCII"},
	    {"{\"op\":\"delete\",\"key\":\"a\",\"collection\":\"posts\"}", "",
		"has an unknown member"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct one_operation o;
		struct violations faults = {0};
		assert_int_equal(
		    read(&o, "counters", cases[i].text, &faults), INVALID);
		assert_true(faults.n > 0);
		assert_string_equal(faults.items[0].pointer, cases[i].pointer);
		assert_non_null(
		    strstr(faults.items[0].detail, cases[i].detail));
		violations_free(&faults);
		one_operation_free(&o);
	}
}

static void too_large(void **state)
{
	(void)state;
	struct one_operation o;
	struct violations faults = {0};
	char text[MOST + 200];
	int n = snprintf(text, sizeof text,
	    "{\"op\":\"put\",\"key\":\"a\",\"document\":{\"value\":\"%0*d\"}}",
	    MOST, 0);
	assert_true(n > 0 && (size_t)n < sizeof text);
	assert_int_equal(read(&o, "records", text, &faults), TOO_LARGE);
	assert_int_equal(faults.n, 0);
	one_operation_free(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(becomes_a_record),
	    cmocka_unit_test(is_refused),
	    cmocka_unit_test(too_large),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
