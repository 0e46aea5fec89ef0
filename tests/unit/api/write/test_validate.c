/* What may enter the log: every kind of bad document, with the place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/write/validate.h"

#include "tests/unit/bytes.h"
#include "tests/unit/declared.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct collection *records;

static void document(struct text body, struct validation *out)
{
	char *own = bytes_of(body.s, body.len);
	validate_document(records, VALIDATE_WHOLE, "k", 1, own, body.len, out);
	free(own);
}

static void seed(struct text body, struct validation *out)
{
	char *own = bytes_of(body.s, body.len);
	validate_seed_write(records, own, body.len, out);
	free(own);
}

static void good_documents(void **state)
{
	(void)state;
	static const struct text table[] = {
	    T("{\"value\":\"x\"}"),
	    T("{\"value\":\"\"}"),
	    T(" {\n\"value\" :\t\"x\" }\r\n"),
	    T("{\"key\":\"k\",\"value\":\"x\"}"),
	    T("{\"value\":\"x\",\"\\u006bey\":\"\\u006b\"}"),
	    T("{\"value\":\"h\xc3\xa9 \xf0\x9f\x98\x80\"}"),
	    T("{\"value\":\"\\ud83d\\ude00\\u0001\"}"),
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct validation v;
		document(table[i], &v);
		assert_int_equal(v.validity, VALID);
		assert_int_equal(v.violations.n, 0);
		assert_int_equal(v.filled.len, 0);
		validation_free(&v);
	}
}

/* Not JSON, or JSON that Postgres would not take: with the offset where it
 * ends being good. */
static const struct {
	struct text body;
	size_t offset;
} not_json[] = {
    {T(""), 0},
    {T(" "), 1},
    {T("{"), 1},
    {T("{\"value\":\"x\""), 12},
    {T("{\"value\":\"x\"}}"), 13},
    {T("{\"value\":\"x\"} {}"), 14},
    {T("{\"value\":}"), 9},
    {T("{value:\"x\"}"), 1},
    {T("{'value':'x'}"), 1},
    {T("{\"value\":\"x\",}"), 13},
    {T("nul"), 0},
    {T("{\"value\":01}"), 10},
    {T("{\"value\":\"\\x\"}"), 10},
    {T("{\"value\":\"a\nb\"}"), 11},
    {T("{\"value\":\"a\0b\"}"), 11},
    {T("{\"value\":\"x\"}\0"), 13},
    {T("{\"value\":\"\xff\"}"), 10},
    {T("{\"value\":\"\xc0\x80\"}"), 10},
    {T("{\"value\":\"\xed\xa0\x80\"}"), 10},
    {T("{\"value\":\"\\ud800\"}"), 10},
    {T("{\"value\":\"\\ud800x\"}"), 10},
    {T("{\"value\":\"\\udc00\"}"), 10},
    {T("{\"value\":\"\\u0000\"}"), 10},
    {T("{\"a\\u0000b\":\"x\"}"), 3},
    {T("{\"value\":\"x\",\"value\":\"y\"}"), 13},
    {T("\xef\xbb\xbf{\"value\":\"x\"}"), 0},
};

static void bad_json(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof not_json / sizeof *not_json; i++) {
		struct validation v;
		document(not_json[i].body, &v);
		assert_int_equal(v.validity, NOT_JSON);
		assert_true(v.message[0] != '\0');
		if (v.offset != not_json[i].offset)
			fail_msg("%s: %zu: %s", not_json[i].body.s, v.offset,
			    v.message);
		assert_int_equal(v.violations.n, 0);
		seed(not_json[i].body, &v);
		assert_int_equal(v.validity, NOT_JSON);
		assert_int_equal(v.key.len, 0);
	}
}

/* As deep as it gets: refused, not recursed into. */
static void deep(void **state)
{
	(void)state;
	enum { DEEP = 1000000 };
	char *body = malloc(DEEP);
	assert_non_null(body);
	memset(body, '[', DEEP);
	struct validation v;
	validate_document(records, VALIDATE_WHOLE, "k", 1, body, DEEP, &v);
	assert_int_equal(v.validity, NOT_JSON);
	free(body);
}

struct bad {
	struct text body;
	const char *pointer;
	const char *detail;
	const char *second; /* pointer of a second violation */
};

static void has(const struct violations *v, const char *body,
    const char *pointer, const char *detail)
{
	for (size_t i = 0; i < v->n; i++) {
		if (strcmp(v->items[i].pointer, pointer) == 0 &&
		    (detail == NULL || strcmp(v->items[i].detail, detail) == 0))
			return;
	}
	fail_msg("%s: no violation of '%s'", body, pointer);
}

static void is_invalid(const struct validation *v, const struct bad *want)
{
	assert_int_equal(v->validity, INVALID);
	assert_int_equal(v->violations.n, want->second ? 2 : 1);
	has(&v->violations, want->body.s, want->pointer, want->detail);
	if (want->second)
		has(&v->violations, want->body.s, want->second, NULL);
}

static void bad_documents(void **state)
{
	(void)state;
	static const struct bad table[] = {
	    {T("null"), "", "must be an object", NULL},
	    {T("[]"), "", "must be an object", NULL},
	    {T("\"x\""), "", "must be an object", NULL},
	    {T("7"), "", "must be an object", NULL},
	    {T("true"), "", "must be an object", NULL},
	    {T("[{\"value\":\"x\"}]"), "", "must be an object", NULL},
	    {T("{}"), "/value", "is required", NULL},
	    {T("{\"key\":\"k\"}"), "/value", "is required", NULL},
	    {T("{\"value\":null}"), "/value",
		"is required and must not be null", NULL},
	    {T("{\"value\":7}"), "/value", "must be a string", NULL},
	    {T("{\"value\":true}"), "/value", "must be a string", NULL},
	    {T("{\"value\":[\"x\"]}"), "/value", "must be a string", NULL},
	    {T("{\"value\":{}}"), "/value", "must be a string", NULL},
	    {T("{\"value\":\"x\",\"other\":1}"), "/other",
		"is not a field of records", NULL},
	    {T("{\"value\":\"x\",\"Value\":\"x\"}"), "/Value",
		"is not a field of records", NULL},
	    {T("{\"value\":\"x\",\"\":1}"), "/", "is not a field of records",
		NULL},
	    {T("{\"value\":\"x\",\"a/b~c\":1}"), "/a~1b~0c",
		"is not a field of records", NULL},
	    {T("{\"value\":\"x\",\"version\":1}"), "/version",
		"is not a field of records", NULL},
	    {T("{\"value\":\"x\",\"created_at\":\"now\"}"), "/created_at",
		"is not a field of records", NULL},
	    {T("{\"value\":\"x\",\"key\":\"K\"}"), "/key",
		"differs from the key in the path", NULL},
	    {T("{\"value\":\"x\",\"key\":\"kk\"}"), "/key",
		"differs from the key in the path", NULL},
	    {T("{\"value\":\"x\",\"key\":\"\"}"), "/key",
		"differs from the key in the path", NULL},
	    {T("{\"value\":\"x\",\"key\":null}"), "/key",
		"differs from the key in the path", NULL},
	    {T("{\"other\":1}"), "/value", "is required", "/other"},
	    {T("{\"value\":1,\"key\":1}"), "/value", "must be a string",
		"/key"},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct validation v;
		document(table[i].body, &v);
		is_invalid(&v, &table[i]);
		violations_free(&v.violations);
	}
}

static void good_seed_writes(void **state)
{
	(void)state;
	static const struct {
		struct text body;
		const char *key, *document;
	} table[] = {
	    {T("{\"key\":\"k\",\"value\":\"v\"}"), "k", "{\"value\":\"v\"}"},
	    {T("{\"value\":\"\",\"key\":\"a/b\"}"), "a/b", "{\"value\":\"\"}"},
	    {T("{\"key\":\"\\u00e9\",\"value\":\"\\\"\\n\"}"), "\xc3\xa9",
		"{\"value\":\"\\\"\\n\"}"},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct validation v;
		seed(table[i].body, &v);
		assert_int_equal(v.validity, VALID);
		assert_string_equal(v.key.data, table[i].key);
		assert_string_equal(v.filled.data, table[i].document);
		validation_free(&v);
	}
}

static void bad_seed_writes(void **state)
{
	(void)state;
	static const struct bad table[] = {
	    {T("null"), "", "must be an object", NULL},
	    {T("[]"), "", "must be an object", NULL},
	    {T("\"key\""), "", "must be an object", NULL},
	    {T("{}"), "/key", "is required", "/value"},
	    {T("{\"key\":\"k\"}"), "/value", "is required", NULL},
	    {T("{\"value\":\"v\"}"), "/key", "is required", NULL},
	    {T("{\"key\":1,\"value\":\"v\"}"), "/key", "must be a string",
		NULL},
	    {T("{\"key\":null,\"value\":\"v\"}"), "/key", "must be a string",
		NULL},
	    {T("{\"key\":\"k\",\"value\":null}"), "/value", "must be a string",
		NULL},
	    {T("{\"key\":\"k\",\"value\":{}}"), "/value", "must be a string",
		NULL},
	    {T("{\"key\":\"\",\"value\":\"v\"}"), "/key", "must not be empty",
		NULL},
	    {T("{\"key\":\"k\",\"value\":\"v\",\"ttl\":1}"), "/ttl",
		"is not a field", NULL},
	    {T("{\"key\":1,\"value\":2}"), "/key", "must be a string",
		"/value"},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct validation v;
		seed(table[i].body, &v);
		is_invalid(&v, &table[i]);
		assert_int_equal(v.key.len, 0);
		validation_free(&v);
	}
	char body[400];
	struct validation v;
	int n = snprintf(
	    body, sizeof body, "{\"key\":\"%0256d\",\"value\":\"v\"}", 1);
	validate_seed_write(records, body, (size_t)n, &v);
	assert_int_equal(v.validity, INVALID);
	has(&v.violations, body, "/key", "has 256 bytes; at most 255");
	validation_free(&v);
}

/* Theirs is held to what is declared, as any other: here, other collections. */
static void seed_writes_are_documents(void **state)
{
	(void)state;
	static const char body[] = "{\"key\":\"1\",\"value\":\"v\"}";
	struct validation v;
	validate_seed_write(declared("products"), body, sizeof body - 1, &v);
	assert_int_equal(v.validity, INVALID);
	has(&v.violations, body, "/value", "is not a field of products");
	has(&v.violations, body, "/name", "is required");
	assert_int_equal(v.filled.len, 0);
	validation_free(&v);
}

static void former_names(void **state)
{
	(void)state;
	static const char body[] = "{\"funds\":1}";
	struct validation v;
	validate_document(declared("accounts"), VALIDATE_WHOLE, "a", 1, body,
	    sizeof body - 1, &v);
	assert_int_equal(v.validity, INVALID);
	has(&v.violations, body, "/funds", "was renamed to balance");
	validation_free(&v);
}

/* What counts is the document as it is read: numbers without their exponents,
 * the key, the times. */
static void sizes(void **state)
{
	(void)state;
	static const struct {
		enum validate_as as;
		const char *body;
		size_t most;
		enum validity want;
	} cases[] = {
	    {VALIDATE_WHOLE, " {\"text\":\"x\",\"list\":[1e900,2e900]} ", 1800,
		TOO_LARGE},
	    {VALIDATE_WHOLE, " {\"text\":\"x\",\"list\":[1e900,2e900]} ", 4000,
		VALID},
	    {VALIDATE_WHOLE, "{\"text\":\"x\"}", 100, TOO_LARGE},
	    {VALIDATE_PATCH, "{\"tree\":{\"a\":1e900}}", 900, TOO_LARGE},
	    {VALIDATE_PATCH, "{\"tree\":{\"a\":1e900}}", 1000, VALID},
	    {VALIDATE_INCREMENT, "{\"part\":1e900}", 10, VALID},
	};
	const struct collection *c = declared("samples");
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const char *body = cases[i].body;
		size_t len = strlen(body);
		struct validation v;
		validate_document(c, cases[i].as, NULL, 0, body, len, &v);
		assert_int_equal(v.validity, VALID);
		validate_size(c, cases[i].as, 0, body, len, cases[i].most, &v);
		assert_int_equal(v.validity, cases[i].want);
		if (v.validity == TOO_LARGE)
			assert_non_null(
			    strstr(v.message, "document.max_bytes"));
		validation_free(&v);
	}
}

int main(void)
{
	records = declared("records");
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(good_documents),
	    cmocka_unit_test(former_names),
	    cmocka_unit_test(sizes),
	    cmocka_unit_test(bad_json),
	    cmocka_unit_test(deep),
	    cmocka_unit_test(bad_documents),
	    cmocka_unit_test(good_seed_writes),
	    cmocka_unit_test(bad_seed_writes),
	    cmocka_unit_test(seed_writes_are_documents),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
