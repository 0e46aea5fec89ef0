/* Cursors: they come back as they went, and every other text is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/list/list_cursor.h"

#include "tests/unit/declared.h"

#include <stdlib.h>
#include <string.h>

static struct list_query *query(const char *collection, const char *order)
{
	struct list_fault fault;
	struct list_query *q = list_query_new(declared(collection));
	if (order)
		assert_true(list_query_add(
		    q, "order", 5, order, strlen(order), &fault));
	return q;
}

static void goes_round(
    struct list_query *q, bool is_null, const char *value, const char *key)
{
	struct buf b = {0};
	struct list_place out, in = {
				   .key = (char *)(uintptr_t)key,
				   .key_len = strlen(key),
			       };
	in.values[0] = (struct list_place_value){.is_null = is_null,
	    .value = (char *)(uintptr_t)value,
	    .value_len = strlen(value)};
	list_cursor_write(&b, q, &in);
	assert_int_equal(strspn(b.data, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijkl"
					"mnopqrstuvwxyz0123456789-_"),
	    b.len);
	assert_true(list_cursor_read(q, b.data, &out));
	assert_int_equal(out.values[0].is_null, is_null);
	assert_string_equal(out.key, key);
	if (is_null || list_query_by_key(q))
		assert_null(out.values[0].value);
	else
		assert_string_equal(out.values[0].value, value);
	list_place_free(&out);
	/* Any letter more, less or other. */
	for (size_t i = 0; i < b.len; i++) {
		char was = b.data[i];
		b.data[i] = was == 'A' ? 'B' : 'A';
		assert_false(list_cursor_read(q, b.data, &out));
		list_place_free(&out);
		b.data[i] = '\0';
		assert_false(list_cursor_read(q, b.data, &out));
		list_place_free(&out);
		b.data[i] = was;
	}
	for (const char *more = "A=-+/ "; *more; more++) {
		buf_char(&b, *more);
		assert_false(list_cursor_read(q, b.data, &out));
		list_place_free(&out);
		b.data[--b.len] = '\0';
	}
	buf_free(&b);
}

/* What is kept of a long value is of its type, and not behind it. */
static void bounds(void **state)
{
	(void)state;
	enum { LONG = 5000 };
	static const struct {
		const char *collection, *order, *begin, *want;
	} cases[] = {
	    {"products", "price", "7", "1e4999"},
	    {"products", "price.desc", "7", "1e5000"},
	    {"products", "price", "-7", "-1e4999"},
	    {"products", "price.desc", "-7", "-1e4998"},
	    {"products", "price", "77.7", "1e1"},
	    {"products", "price.desc", "77.7", "1e2"},
	    {"products", "price", "0.7", "0"},
	    {"products", "price.desc", "0.7", "1e0"},
	    {"products", "price", "-0.7", "-1e0"},
	    {"posts", "title", "x", NULL},
	    {"posts", "title.desc", "x", NULL},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct list_query *q =
		    query(cases[i].collection, cases[i].order);
		char value[LONG + 1] = "";
		struct buf b = {0};
		struct list_place out;
		memset(value, '7', LONG);
		memcpy(value, cases[i].begin, strlen(cases[i].begin));
		const struct list_place at = {
		    .values = {{.value = value, .value_len = LONG}},
		    .key = "7",
		    .key_len = 1};
		list_cursor_write(&b, q, &at);
		assert_true(b.len < 1500);
		assert_true(list_cursor_read(q, b.data, &out));
		assert_int_equal(out.values[0].long_len, LONG);
		if (cases[i].want)
			assert_string_equal(out.values[0].value, cases[i].want);
		else if (list_query_descending(q))
			assert_true(strcmp(out.values[0].value, value) > 0);
		else
			assert_memory_equal(out.values[0].value, value,
			    out.values[0].value_len);
		list_place_free(&out);
		buf_free(&b);
		list_query_unref(&q);
	}
}

static void round_trips(void **state)
{
	(void)state;
	struct list_query *q = query("posts", NULL);
	for (const char *key = "1234567890123456789"; *key; key++)
		if (*key != '0')
			goes_round(q, false, "", key);
	list_query_unref(&q);
	q = query("samples", "part.desc");
	goes_round(q, false, "9999999999999999999999.50",
	    "2eb8aa08-aa98-71ea-b4aa-73b441d16380");
	list_query_unref(&q);
	q = query("samples", "at");
	goes_round(q, true, "", "2eb8aa08-aa98-71ea-b4aa-73b441d16380");
	list_query_unref(&q);
	q = query("posts", "title.desc");
	goes_round(q, false, "", "7");
	goes_round(q, false, "\xf0\x9f\x98\x80 \"&%", "7");
	list_query_unref(&q);
}

static bool taken_by(const char *text, const char *collection,
    const char *order, const char *filter, const char *value)
{
	struct list_place out;
	struct list_fault fault;
	struct list_query *q = query(collection, order);
	if (filter)
		assert_true(list_query_add(
		    q, filter, strlen(filter), value, strlen(value), &fault));
	bool taken = list_cursor_read(q, text, &out);
	list_place_free(&out);
	list_query_unref(&q);
	return taken;
}

static void bound_to_its_list(void **state)
{
	(void)state;
	struct buf b = {0};
	struct list_query *q = query("posts", "title.asc");
	const struct list_place in = {
	    .values = {{.value = (char[]){"t"}, .value_len = 1}},
	    .key = (char[]){"7"},
	    .key_len = 1};
	list_cursor_write(&b, q, &in);
	list_query_unref(&q);
	assert_true(taken_by(b.data, "posts", "title", NULL, NULL));
	assert_false(taken_by(b.data, "posts", "title.desc", NULL, NULL));
	assert_false(taken_by(b.data, "posts", "created_at", NULL, NULL));
	assert_false(taken_by(b.data, "posts", NULL, NULL, NULL));
	assert_false(taken_by(b.data, "posts", "title", "author", "eq.a"));
	buf_free(&b);
	q = query("posts", NULL);
	list_cursor_write(&b, q, &in);
	list_query_unref(&q);
	assert_true(taken_by(b.data, "posts", NULL, NULL, NULL));
	assert_false(taken_by(b.data, "products", NULL, NULL, NULL));
	assert_false(taken_by(b.data, "records", NULL, NULL, NULL));
	buf_free(&b);
}

/* One of each kind, in their order; what several have together is bounded. */
static void several(void **state)
{
	(void)state;
	enum { LONG = 3000 };
	char code[LONG + 1] = "";
	struct buf b = {0};
	struct list_place out;
	struct list_query *q = query("samples", "code,at.desc");
	struct list_place in = {
	    .values = {{.value = (char[]){"AB-1"}, .value_len = 4},
		{.is_null = true}},
	    .key = (char[]){"2eb8aa08-aa98-71ea-b4aa-73b441d16380"},
	    .key_len = 36};
	list_cursor_write(&b, q, &in);
	assert_true(list_cursor_read(q, b.data, &out));
	assert_string_equal(out.values[0].value, "AB-1");
	assert_true(out.values[1].is_null);
	assert_null(out.values[1].value);
	assert_string_equal(out.key, in.key);
	list_place_free(&out);
	buf_free(&b);
	memset(code, 'x', LONG);
	in.values[0] =
	    (struct list_place_value){.value = code, .value_len = LONG};
	in.values[1] = (struct list_place_value){
	    .value = (char[]){"2026-01-01 00:00:00+00"}, .value_len = 22};
	list_cursor_write(&b, q, &in);
	assert_true(b.len < 1500);
	assert_true(list_cursor_read(q, b.data, &out));
	assert_int_equal(out.values[0].long_len, LONG);
	assert_memory_equal(out.values[0].value, code, out.values[0].value_len);
	assert_string_equal(out.values[1].value, in.values[1].value);
	assert_int_equal(out.values[1].long_len, 0);
	list_place_free(&out);
	assert_false(taken_by(b.data, "samples", "code.desc,at", NULL, NULL));
	assert_false(taken_by(b.data, "samples", "code", NULL, NULL));
	assert_false(taken_by(b.data, "samples", "at.desc", NULL, NULL));
	buf_free(&b);
	list_query_unref(&q);
}

/* With a good checksum, too: what it says is held to what can be. */
static void no_key(void **state)
{
	(void)state;
	struct buf b = {0};
	struct list_query *q = query("posts", NULL);
	struct list_place out;
	const struct list_place in = {.key = (char[]){"07"}, .key_len = 2};
	list_cursor_write(&b, q, &in);
	assert_false(list_cursor_read(q, b.data, &out));
	list_place_free(&out);
	buf_free(&b);
	list_query_unref(&q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(round_trips),
	    cmocka_unit_test(bounds),
	    cmocka_unit_test(bound_to_its_list),
	    cmocka_unit_test(no_key),
	    cmocka_unit_test(several),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
