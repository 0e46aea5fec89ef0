/* Problem details: the table, the document as JSON, pointers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/core/problem.h"
#include "common/log/reason.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *type;
	unsigned status;
	const char *title;
} rows[PROBLEM_COUNT] = {
#define PROBLEM(id, type, status, title) [id] = {type, status, title},
#include "api/core/problems.def"
#undef PROBLEM
};

static json_t *written(enum problem p, const char *detail,
    const struct violations *v, const char *extra)
{
	struct buf b = {0};
	json_error_t error;
	problem_write(&b, p, detail, v, extra);
	assert_int_equal(b.data[b.len - 1], '\n');
	json_t *doc = json_loadb(b.data, b.len, JSON_REJECT_DUPLICATES, &error);
	if (doc == NULL)
		fail_msg("%s in %s", error.text, b.data);
	buf_free(&b);
	return doc;
}

static const char *text(const json_t *doc, const char *name)
{
	const char *s = json_string_value(json_object_get(doc, name));
	assert_non_null(s);
	return s;
}

static void every_problem(void **state)
{
	(void)state;
	for (int p = 0; p < PROBLEM_COUNT; p++) {
		enum problem problem = (enum problem)p;
		unsigned status = problem_status(problem);
		assert_true(status >= 400 && status <= 599);
		assert_int_equal(status, rows[p].status);
		assert_int_equal(problem_by_type(rows[p].type), p);
		assert_int_equal(
		    strspn(rows[p].type, "abcdefghijklmnopqrstuvwxyz-"),
		    strlen(rows[p].type));
		json_t *doc = written(problem, NULL, NULL, NULL);
		char type[64];
		snprintf(
		    type, sizeof type, "urn:sluice:problem:%s", rows[p].type);
		assert_string_equal(text(doc, "type"), type);
		assert_string_equal(text(doc, "title"), rows[p].title);
		assert_string_equal(text(doc, "detail"), rows[p].title);
		assert_int_equal(
		    json_integer_value(json_object_get(doc, "status")), status);
		assert_int_equal(json_object_size(doc), 4);
		json_decref(doc);
		for (int k = 0; k < p; k++)
			assert_string_not_equal(rows[p].type, rows[k].type);
	}
}

/* What a writer may say of a write, the api can say to a client, with the
 * status of both tables. */
static void every_reason(void **state)
{
	(void)state;
	for (int r = REASON_NONE + 1; r < REASON_COUNT; r++) {
		const struct reason_row *row = reason_row((enum reason)r);
		enum problem p = problem_by_type(row->problem);
		assert_string_equal(rows[p].type, row->problem);
		assert_int_equal(problem_status(p), row->status);
	}
}

static void details(void **state)
{
	(void)state;
	json_t *doc = written(PROBLEM_NOT_FOUND, "no \"x\\y\"\nhere", NULL,
	    ",\"offset\":12,\"position\":\"3-1042\"");
	assert_string_equal(text(doc, "detail"), "no \"x\\y\"\nhere");
	assert_string_equal(text(doc, "position"), "3-1042");
	assert_int_equal(
	    json_integer_value(json_object_get(doc, "offset")), 12);
	assert_null(json_object_get(doc, "errors"));
	json_decref(doc);
}

/* RFC 6901, section 3 and 5. */
static void pointers(void **state)
{
	(void)state;
	static const struct {
		const char *name, *pointer;
	} table[] = {
	    {NULL, ""},
	    {"", "/"},
	    {"foo", "/foo"},
	    {"a/b", "/a~1b"},
	    {"m~n", "/m~0n"},
	    {"~1", "/~01"},
	    {"~/~/", "/~0~1~0~1"},
	    {"c%d", "/c%d"},
	    {"e^f|g\\h", "/e^f|g\\h"},
	    {"k\"l\n", "/k\"l\n"},
	    {" ", "/ "},
	    {"h\xc3\xa9", "/h\xc3\xa9"},
	};
	enum { N = sizeof table / sizeof *table };
	struct violations v = {0};
	for (size_t i = 0; i < N; i++) {
		violations_add(&v, table[i].name, "is %s %zu", "bad", i);
		assert_string_equal(v.items[i].pointer, table[i].pointer);
	}
	assert_int_equal(v.n, N);
	json_t *doc = written(PROBLEM_VALIDATION, NULL, &v, NULL);
	const json_t *errors = json_object_get(doc, "errors");
	assert_int_equal(json_array_size(errors), N);
	for (size_t i = 0; i < N; i++) {
		char detail[32];
		const json_t *one = json_array_get(errors, i);
		snprintf(detail, sizeof detail, "is bad %zu", i);
		assert_string_equal(text(one, "pointer"), table[i].pointer);
		assert_string_equal(text(one, "detail"), detail);
	}
	json_decref(doc);
	violations_free(&v);
	assert_null(v.items);
	violations_free(&v); /* harmless */
}

static void one_and_none(void **state)
{
	(void)state;
	struct violations v = {0};
	json_t *doc = written(PROBLEM_VALIDATION, "d", &v, ",\"x\":1");
	assert_null(json_object_get(doc, "errors"));
	json_decref(doc);
	violations_add(&v, "key", "%s", "must not be empty");
	doc = written(PROBLEM_VALIDATION, "d", &v, ",\"x\":1");
	assert_int_equal(json_array_size(json_object_get(doc, "errors")), 1);
	assert_int_equal(json_object_size(doc), 6);
	json_decref(doc);
	violations_free(&v);
}

/* Cut, not overrun. */
static void long_detail(void **state)
{
	(void)state;
	char big[1000];
	memset(big, 'x', sizeof big - 1);
	big[sizeof big - 1] = '\0';
	struct violations v = {0};
	violations_add(&v, big, "%s", big);
	assert_int_equal(strlen(v.items[0].pointer), sizeof big);
	assert_int_equal(strlen(v.items[0].detail), 500);
	/* Not within a character, of which it has 500 bytes and a half. */
	for (size_t i = 0; i + 1 < sizeof big - 1; i += 2) {
		big[i] = (char)0xc3;
		big[i + 1] = (char)0xa9;
	}
	violations_add(&v, NULL, "x%s", big);
	assert_int_equal(strlen(v.items[1].detail), 499);
	for (size_t i = 2; i < 300; i++)
		violations_add(&v, "x", "y");
	assert_int_equal(v.n, 100);
	violations_free(&v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_problem),
	    cmocka_unit_test(every_reason),
	    cmocka_unit_test(details),
	    cmocka_unit_test(pointers),
	    cmocka_unit_test(one_and_none),
	    cmocka_unit_test(long_detail),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
