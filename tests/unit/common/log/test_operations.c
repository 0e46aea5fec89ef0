/* The value of an atomic batch: written, read again, refused if malformed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/log/operations.h"

#include <string.h>

static struct record_text text_of(const char *s)
{
	return (struct record_text){s, strlen(s)};
}

static struct record_write batch_of(const char *value, size_t len)
{
	return (struct record_write){
	    .op = RECORD_BATCH,
	    .body = value,
	    .body_len = len,
	    .accepted_at = 7,
	    .instance = "0123456789abcdef",
	    .seq = 3,
	    .by = text_of("ann"),
	};
}

static bool same(struct record_text a, struct record_text b)
{
	return (a.s == NULL) == (b.s == NULL) && a.len == b.len &&
	       (a.s == NULL || memcmp(a.s, b.s, a.len) == 0);
}

static void assert_same(
    const struct record_write *a, const struct record_write *b)
{
	assert_int_equal(a->op, b->op);
	assert_int_equal(a->condition, b->condition);
	assert_true(a->shape == b->shape);
	assert_true(same((struct record_text){a->id, a->id_len},
	    (struct record_text){b->id, b->id_len}));
	assert_true(same((struct record_text){a->body, a->body_len},
	    (struct record_text){b->body, b->body_len}));
	assert_true(same((struct record_text){a->versions, a->versions_len},
	    (struct record_text){b->versions, b->versions_len}));
	assert_true(same(a->owner_field, b->owner_field));
	assert_true(same(a->owner, b->owner));
}

static void round_trip(void **state)
{
	(void)state;
	const struct record_write all[] = {
	    {.op = RECORD_PUT,
		.id = "orders/c\"\xc3\xa4:1",
		.id_len = 13,
		.body = "{\"a\":[1]}",
		.body_len = 9,
		.versions = "",
		.shape = 0xfedcba9876543210,
		.condition = RECORD_CREATE},
	    {.op = RECORD_PATCH,
		.id = "o/c:2",
		.id_len = 5,
		.body = "{}",
		.body_len = 2,
		.condition = RECORD_IF_MATCH,
		.versions = "12,13",
		.versions_len = 5,
		.owner_field = text_of("who"),
		.owner = text_of("a:b\n")},
	    {.op = RECORD_DELETE,
		.id = "o/c:3",
		.id_len = 5,
		.body = "",
		.versions = "",
		.condition = RECORD_IF_ABSENT},
	    {.op = RECORD_INCREMENT,
		.id = "o/c",
		.id_len = 3,
		.body = "{\"n\":1}",
		.body_len = 7,
		.versions = ""},
	};
	enum { N = sizeof all / sizeof *all };
	struct buf value = {0};
	for (size_t i = 0; i < N; i++)
		operations_add(&value, &all[i]);
	operations_end(&value);
	struct record_write batch = batch_of(value.data, value.len);
	struct operations o;
	assert_true(operations_parse(&batch, &o));
	assert_int_equal(o.n, N);
	for (size_t i = 0; i < N; i++) {
		assert_same(&o.all[i], &all[i]);
		assert_true(same(o.all[i].by, batch.by));
		assert_int_equal(o.all[i].accepted_at, 7);
		assert_int_equal(o.all[i].seq, 3);
	}
	operations_free(&o);
	buf_free(&value);
}

static void malformed(void **state)
{
	(void)state;
	static const char *const values[] = {"", "{}", "[]", "[1]", "[{}]",
	    "[{\"op\":\"put\",\"id\":\"a/b\"}]",
	    "[{\"op\":\"put\",\"id\":\"ab\",\"document\":{}}]",
	    "[{\"op\":\"batch\",\"id\":\"a/b\",\"document\":{}}]",
	    "[{\"op\":\"delete\",\"id\":\"a/b\",\"document\":{}}]",
	    "[{\"op\":\"delete\",\"id\":1}]",
	    "[{\"op\":\"delete\",\"id\":\"a/b\",\"shape\":\"12\"}]",
	    "[{\"op\":\"delete\",\"id\":\"a/b\",\"owner\":\"x\"}]",
	    "[{\"op\":\"delete\",\"id\":\"a/b\",\"owner\":\"\"}]",
	    "[{\"op\":\"delete\",\"id\":\"a/b\"}] x"};
	struct operations o;
	for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
		struct record_write b = batch_of(values[i], strlen(values[i]));
		assert_false(operations_parse(&b, &o));
	}
}

static void as_many_as_allowed(void **state)
{
	(void)state;
	const struct record_write w = {.op = RECORD_DELETE,
	    .id = "a/b",
	    .id_len = 3,
	    .body = "",
	    .versions = ""};
	for (size_t n = OPERATIONS_MOST; n <= OPERATIONS_MOST + 1; n++) {
		struct buf value = {0};
		struct operations o;
		for (size_t i = 0; i < n; i++)
			operations_add(&value, &w);
		operations_end(&value);
		struct record_write b = batch_of(value.data, value.len);
		bool good = operations_parse(&b, &o);
		assert_int_equal(good, n == OPERATIONS_MOST);
		if (good)
			operations_free(&o);
		buf_free(&value);
	}
}

static void which_failed(void **state)
{
	(void)state;
	struct buf b = {0};
	size_t i = 9;
	operations_detail(&b, 3, "a: b");
	assert_string_equal(b.data, "operation 3: a: b");
	assert_string_equal(operations_failed(b.data, &i), "a: b");
	assert_int_equal(i, 3);
	buf_clear(&b);
	operations_detail(&b, 0, "");
	assert_string_equal(operations_failed(b.data, &i), "");
	assert_int_equal(i, 0);
	buf_free(&b);
	static const char *const others[] = {"", "operation", "operation x",
	    "operation 1x", "operation -1", "operation 100", "other 1: x"};
	for (size_t k = 0; k < sizeof others / sizeof *others; k++)
		assert_null(operations_failed(others[k], &i));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(round_trip),
	    cmocka_unit_test(malformed),
	    cmocka_unit_test(as_many_as_allowed),
	    cmocka_unit_test(which_failed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
