/* The body of POST /v1/_batch: what it becomes in the log, and every fault with
 * its place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/batch/batch_body.h"

#include "tests/unit/declared.h"

#include <string.h>

enum { MOST = 1000 };

static void read(struct batch_body *b, const char *text)
{
	batch_body_read(b, text, strlen(text));
	batch_body_validate(b, MOST);
}

static void becomes_a_record(void **state)
{
	(void)state;
	struct batch_body b;
	struct buf value = {0};
	struct operations o;
	read(&b,
	    "[{\"op\":\"create\",\"collection\":\"accounts\",\"key\":\"g:a\","
	    "\"document\":{\"balance\":1}},"
	    "{\"op\":\"patch\",\"collection\":\"accounts\",\"key\":\"g\","
	    "\"document\":{\"note\":\"x\"},\"if_match\":\"\\\"12\\\"\"},"
	    "{\"op\":\"delete\",\"collection\":\"transfers\",\"key\":\"g:a\"},"
	    "{\"op\":\"put\",\"collection\":\"transfers\",\"key\":\"g:b\","
	    "\"document\":{\"amount\":2},\"if_none_match\":\"*\"}]");
	assert_int_equal(b.result.validity, VALID);
	assert_string_equal(b.group.data, "g");
	batch_body_write(&b, &value);
	const struct record_write batch = {
	    .op = RECORD_BATCH, .body = value.data, .body_len = value.len};
	assert_true(operations_parse(&batch, &o));
	static const struct {
		enum record_op op;
		enum record_condition condition;
		const char *id, *body, *versions;
	} want[] = {
	    {RECORD_PUT, RECORD_CREATE, "accounts/g:a", NULL, ""},
	    {RECORD_PATCH, RECORD_IF_MATCH, "accounts/g", "{\"note\":\"x\"}",
		"12"},
	    {RECORD_DELETE, RECORD_ALWAYS, "transfers/g:a", "", ""},
	    {RECORD_PUT, RECORD_IF_ABSENT, "transfers/g:b", "{\"amount\":2}",
		""},
	};
	assert_int_equal(o.n, 4);
	for (size_t i = 0; i < 4; i++) {
		const struct record_write *w = &o.all[i];
		assert_int_equal(w->op, want[i].op);
		assert_int_equal(w->condition, want[i].condition);
		assert_int_equal(w->id_len, strlen(want[i].id));
		assert_memory_equal(w->id, want[i].id, w->id_len);
		assert_int_equal(w->versions_len, strlen(want[i].versions));
		assert_memory_equal(
		    w->versions, want[i].versions, w->versions_len);
		assert_true(w->shape != 0);
		if (i != 1 && i != 2)
			continue;
		assert_int_equal(w->body_len, strlen(want[i].body));
		assert_memory_equal(w->body, want[i].body, w->body_len);
	}
	operations_free(&o);
	buf_free(&value);
	batch_body_free(&b);
}

#define OF(rest) "{\"collection\":\"accounts\"," rest "}"
#define PUT(key, more)                                                         \
	OF("\"op\":\"put\",\"key\":\"" key                                     \
	   "\",\"document\":{\"balance\":1}" more)

static const struct {
	const char *body, *pointer, *detail;
} faults[] = {
    {"{}", "", "must be an array of operations"},
    {"[]", "", "must have at least one operation"},
    {"[1]", "/0", "must be an object"},
    {"[" PUT("g:a", ",\"x\":1") "]", "/0", "has an unknown member"},
    {"[" OF("\"key\":\"g\",\"document\":{}") "]", "/0/op", "is required"},
    {"[" OF("\"op\":1,\"key\":\"g\",\"document\":{}") "]", "/0/op",
	"must be a string"},
    {"[" PUT("g:a", "") "," OF("\"op\":\"upsert\",\"key\":\"g\","
			       "\"document\":{}") "]",
	"/1/op", "must be create, put, patch, increment or delete"},
    {"[{\"op\":\"delete\",\"key\":\"g\"}]", "/0/collection", "is required"},
    {"[{\"op\":\"delete\",\"collection\":\"none\",\"key\":\"g\"}]",
	"/0/collection", "there is none of it"},
    {"[{\"op\":\"delete\",\"collection\":\"records\",\"key\":\"g\"}]",
	"/0/collection", "it has no groups"},
    {"[" OF("\"op\":\"delete\"") "]", "/0/key", "is required"},
    {"[" OF("\"op\":\"delete\",\"key\":\"\"") "]", "/0/key",
	"must not be empty"},
    {"[" OF("\"op\":\"delete\",\"key\":\":a\"") "]", "/0/key",
	"must not begin with ':'"},
    {"[" OF("\"op\":\"put\",\"key\":\"g\"") "]", "/0/document", "is required"},
    {"[" OF("\"op\":\"delete\",\"key\":\"g\",\"document\":{}") "]",
	"/0/document", "a delete has none"},
    {"[" OF("\"op\":\"put\",\"key\":\"g\",\"document\":{\"balance\":-1}") "]",
	"/0/document/balance", "must be"},
    {"[" OF("\"op\":\"increment\",\"key\":\"g\",\"document\":{\"note\":1}") "]",
	"/0/document/note", ""},
    {"[" OF("\"op\":\"put\",\"key\":\"g\",\"document\":[]") "]", "/0/document",
	"must be an object"},
    {"[" PUT("g:a", ",\"if_match\":\"x\"") "]", "/0/if_match",
	"if_match has entity tags"},
    {"[" PUT("g:a", ",\"if_match\":\"*\",\"if_none_match\":\"*\"") "]",
	"/0/if_match", "an operation has one of them"},
    {"[" PUT("g:a", ",\"if_none_match\":\"\\\"1\\\"\"") "]", "/0/if_none_match",
	"if_none_match is *"},
    {"[" OF("\"op\":\"create\",\"key\":\"g\",\"if_match\":\"*\","
	    "\"document\":{\"balance\":1}") "]",
	"/0/if_match", "a create makes a row"},
    {"[" PUT("g:a", "") "," PUT("g:b", "") "," PUT("h:a", "") "]", "/2/key",
	"its group is \"h\", but that of operation 0 is \"g\""},
    {"[" PUT("g:a", "") "," PUT("g:a", "") "]", "/1/key",
	"operation 0 has the same key"},
};

static void each_fault(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
		struct batch_body b;
		read(&b, faults[i].body);
		const struct violations *v = &b.result.violations;
		if (b.result.validity != INVALID || v->n != 1 ||
		    strcmp(v->items[0].pointer, faults[i].pointer) != 0 ||
		    strstr(v->items[0].detail, faults[i].detail) == NULL)
			fail_msg("%s: %d, %zu: %s: %s", faults[i].body,
			    (int)b.result.validity, v->n,
			    v->n ? v->items[0].pointer : "",
			    v->n ? v->items[0].detail : "");
		batch_body_free(&b);
	}
}

static void all_faults_at_once(void **state)
{
	(void)state;
	struct batch_body b;
	read(&b, "[" OF("\"op\":\"x\",\"key\":\":\"") ",1]");
	assert_int_equal(b.result.violations.n, 4);
	batch_body_free(&b);
}

static void too_many(void **state)
{
	(void)state;
	struct batch_body b;
	struct buf text = {0};
	for (int i = 0; i <= OPERATIONS_MOST; i++)
		buf_printf(&text,
		    "%c{\"op\":\"delete\",\"collection\":\"accounts\","
		    "\"key\":\"g:%d\"}",
		    i ? ',' : '[', i);
	buf_char(&text, ']');
	read(&b, text.data);
	assert_int_equal(b.result.violations.n, 1);
	assert_string_equal(b.result.violations.items[0].detail,
	    "has more than 100 operations");
	batch_body_free(&b);
	buf_free(&text);
}

static void not_json(void **state)
{
	(void)state;
	static const char *const texts[] = {
	    "", "[", "[] x", "[{\"op\":\"put\",\"op\":\"put\"}]"};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct batch_body b;
		read(&b, texts[i]);
		assert_int_equal(b.result.validity, NOT_JSON);
		batch_body_free(&b);
	}
}

static void too_large(void **state)
{
	(void)state;
	struct batch_body b;
	struct buf text = {0};
	buf_str(&text,
	    "[" PUT("g:a", "") ",{\"op\":\"put\",\"key\":\"g\","
			       "\"collection\":\"accounts\","
			       "\"document\":{\"balance\":1,\"note\":\"");
	for (int i = 0; i < MOST; i++)
		buf_char(&text, 'x');
	buf_str(&text, "\"}}]");
	read(&b, text.data);
	assert_int_equal(b.result.validity, TOO_LARGE);
	assert_non_null(strstr(b.result.message, "operation 1: "));
	batch_body_free(&b);
	buf_free(&text);
}

int main(void)
{
	declared("accounts");
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(becomes_a_record),
	    cmocka_unit_test(each_fault),
	    cmocka_unit_test(all_faults_at_once),
	    cmocka_unit_test(too_many),
	    cmocka_unit_test(not_json),
	    cmocka_unit_test(too_large),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
