/* Selections: which texts are taken, that one has one text, what is cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/sql/selection.h"

#include "tests/unit/declared.h"

#include <string.h>

static void is_text(const char *collection, const char *text, const char *want)
{
	const struct collection *c = declared(collection);
	struct selection s, again;
	struct buf b = {0};
	const char *why = selection_take(&s, c, text, strlen(text));
	if (why)
		fail_msg("%s: %s", text, why);
	buf_str(&b, "");
	selection_text(&b, &s, c, false);
	assert_string_equal(b.data, want);
	if (s.narrow) {
		assert_null(selection_take(&again, c, b.data, b.len));
		assert_memory_equal(s.bits, again.bits, sizeof s.bits);
	}
	buf_free(&b);
}

static void one_text(void **state)
{
	(void)state;
	is_text("posts", "*", "");
	is_text("posts", "id", "id");
	is_text("posts", "title,id", "id,title");
	is_text("posts", "title,id,title", "id,title");
	is_text("posts", "updated_at,created_at", "created_at,updated_at");
	is_text("samples", "list,flag,sample_id", "sample_id,flag,list");
}

/* As CSV has them. */
static void as_given(void **state)
{
	(void)state;
	const struct collection *c = declared("posts");
	struct selection s;
	struct buf b = {0};
	assert_null(selection_take(&s, c, "title,id,title,updated_at", 25));
	selection_text(&b, &s, c, true);
	assert_string_equal(b.data, "title,id,updated_at");
	buf_free(&b);
	assert_int_equal(selection_count(&s, c), 3);
	assert_int_equal(selection_at(&s, c, 0), 1);
	assert_int_equal(selection_at(&s, c, 1), 0);
	assert_string_equal(
	    selection_name(c, selection_at(&s, c, 2)), "updated_at");
	assert_null(selection_take(&s, c, "*", 1));
	assert_int_equal(selection_count(&s, c), 6);
	assert_int_equal(selection_at(&s, c, 5), 5);
}

static void refused(void **state)
{
	(void)state;
	static const char *const bad[] = {"", ",", "id,", ",id", "id,,title",
	    "id, title", "Id", "nothing", "version", "*,id", "id:x", "i",
	    "title\x01", "content->a"};
	struct selection s;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_non_null(selection_take(
		    &s, declared("posts"), bad[i], strlen(bad[i])));
	assert_non_null(selection_take(&s, declared("posts"), "id\0,title", 9));
}

static void everything(void **state)
{
	(void)state;
	const struct selection s = {0};
	for (size_t i = 0; i < SELECTION_COLUMNS; i++)
		assert_true(selection_has(&s, i));
}

static void is_cut(const char *names, const char *doc, const char *want)
{
	const struct collection *c = declared("posts");
	struct selection s;
	struct buf b = {0};
	assert_null(selection_take(&s, c, names, strlen(names)));
	assert_true(selection_cut(&b, &s, c, doc, strlen(doc)));
	assert_string_equal(b.data, want);
	buf_free(&b);
}

static void cut(void **state)
{
	(void)state;
	static const char doc[] =
	    "{\"id\":1,\"title\":\"a,\\\"b\",\"content\":\"c\",\"author\":null,"
	    "\"gone\":[1,{\"id\":2}],\"created_at\":\"x\",\"updated_at\":"
	    "\"y\"}";
	is_cut("id", doc, "{\"id\":1}");
	is_cut("author,title", doc, "{\"title\":\"a,\\\"b\",\"author\":null}");
	is_cut("updated_at,id", doc, "{\"id\":1,\"updated_at\":\"y\"}");
	/* An older document without the field. */
	is_cut("id,author", "{\"id\":1}", "{\"id\":1}");
	is_cut("author", "{\"id\":1}", "{}");
	struct buf b = {0};
	struct selection s = {.narrow = true};
	assert_false(selection_cut(&b, &s, declared("posts"), "[1]", 3));
	assert_false(selection_cut(&b, &s, declared("posts"), "{", 1));
	assert_int_equal(b.len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(one_text),
	    cmocka_unit_test(as_given),
	    cmocka_unit_test(refused),
	    cmocka_unit_test(everything),
	    cmocka_unit_test(cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
