/* Groups of filters: what is taken, what is refused and how soon, and that
 * filters which mean the same by their form have one text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/list/list_filter.h"

#include "tests/unit/declared.h"

#include <string.h>

/* `any` and the text in brackets. */
static bool read_group(struct list_filter_reader *r, struct list_filter *f,
    const char *collection, bool any, const char *text)
{
	*r = (struct list_filter_reader){.collection = declared(collection)};
	return list_filter_read_group(r, f, any, text, strlen(text));
}

static void text_is(bool any, const char *text, bool least, const char *want)
{
	struct list_filter_reader r;
	struct list_filter f;
	struct buf b = {0};
	if (!read_group(&r, &f, "samples", any, text))
		fail_msg("%s: %s", text, r.why);
	list_filter_settle(&f);
	list_filter_text(&b, &f, least);
	assert_string_equal(b.data, want);
	buf_free(&b);
	list_filter_free(&f);
}

static void one_form(void **state)
{
	(void)state;
	text_is(true, "(whole.gt.2,flag.eq.true)", true,
	    "or=(whole.gt.2,flag.eq.true)");
	text_is(true, "(flag.eq.true,whole.gt.2)", true,
	    "or=(whole.gt.2,flag.eq.true)");
	text_is(true, "(flag.eq.true,whole.gt.2)", false,
	    "or=%28whole.gt.%222%22%2Cflag.eq.%22true%22%29");
	/* One term. */
	text_is(true, "(whole.gt.2)", true, "whole=gt.2");
	text_is(false, "(not.or(whole.not.gt.2))", true, "whole=gt.2");
	text_is(true, "(and(or(and(whole.not.gt.2))))", true, "whole=not.gt.2");
	/* A group in one of its kind. */
	text_is(true, "(whole.gt.2,or(flag.eq.true,or(whole.is.null)))", true,
	    "or=(whole.gt.2,whole.is.null,flag.eq.true)");
	text_is(true, "(whole.gt.2,and(or(flag.eq.true,whole.is.null)))", true,
	    "or=(whole.gt.2,whole.is.null,flag.eq.true)");
	text_is(true, "(whole.gt.2,and(flag.eq.true,whole.is.null))", true,
	    "or=(whole.gt.2,and(whole.is.null,flag.eq.true))");
	text_is(false, "(whole.gt.2,not.and(flag.eq.true,whole.is.null))", true,
	    "and=(whole.gt.2,not.and(whole.is.null,flag.eq.true))");
	/* Groups are sorted, too. */
	text_is(true,
	    "(and(flag.eq.true,whole.lt.2),and(flag.eq.true,whole.gt.2))", true,
	    "or=(and(whole.gt.2,flag.eq.true),and(whole.lt.2,flag.eq.true))");
}

static void values(void **state)
{
	(void)state;
	text_is(true, "(mood.eq.\"a,b\",mood.eq.)", true,
	    "or=(mood.eq.,mood.eq.%22a,b%22)");
	text_is(true, "(mood.eq.\"a\\\"b\\\\c\",whole.in.(1,2))", true,
	    "or=(mood.eq.%22a%5C%22b%5C%5Cc%22,whole.in.(1,2))");
	text_is(true, "(mood.in.(\"a)b\",\"c,d\",e),flag.is.true)", true,
	    "or=(mood.in.(%22a)b%22,%22c,d%22,e),flag.is.true)");
	text_is(true, "(mood.like.a*.b,mood.ilike.\"(*)\")", true,
	    "or=(mood.like.a%25.b,mood.ilike.%22(%25)%22)");
	text_is(true, "(at.gte.2026-01-01T00:00:00Z,mood.in.())", true,
	    "or=(mood.in.(),at.gte.2026-01-01T00:00:00Z)");
	text_is(true, "(mood.eq.a b=c&d,flag.is.null)", true,
	    "or=(mood.eq.a%20b%3Dc%26d,flag.is.null)");
}

static void refused(void **state)
{
	(void)state;
	static const struct {
		const char *text, *why;
	} table[] = {
	    {"", "in brackets"},
	    {"whole.eq.1", "in brackets"},
	    {"(", "a term must be"},
	    {"()", "a term must be"},
	    {"(whole.eq.1", "closing bracket"},
	    {"(whole.eq.1,", "a term must be"},
	    {"(whole.eq.1,)", "a term must be"},
	    {"(whole.eq.1))", "goes on"},
	    {"(whole.eq.1)x", "goes on"},
	    {"(whole.eq.x)", "an integer"},
	    {"(whole=eq.1)", "a term must be"},
	    {"(code.eq.AB-1)", "a term must be"}, /* order only */
	    {"(tree.eq.1)", "a term must be"},
	    {"(nothing.eq.1)", "a term must be"},
	    {"(whole)", "a term must be"},
	    {"(whole.)", "op.value"},
	    {"(whole.is)", "op.value"},
	    {"(whole.not.not.eq.1)", "op.value"},
	    {"(not.whole.eq.1)", "a term must be"},
	    {"(not.not.or(whole.eq.1))", "a term must be"},
	    {"(or)", "a term must be"},
	    {"(or())", "a term must be"},
	    {"(or(whole.eq.1)", "closing bracket"},
	    {"(nor(whole.eq.1))", "a term must be"},
	    {"(mood.eq.a(b))", "double quotes"},
	    {"(mood.eq.a\"b\")", "double quotes"},
	    {"(mood.eq.\"a)", "double quotes"},
	    {"(mood.eq.\"a\"b)", "closing bracket"},
	    {"(mood.in.a)", "in takes"},
	    {"(mood.in.(a)", "closing bracket"},
	    {"(mood.in.(\"a)", "in takes"},
	    {"(whole.in.(1,x))", "an integer"},
	    {"(whole.like.1*)", "for strings"},
	    {"(whole.is.nothing)", "null or not_null"},
	    {"(mood.eq.\xff)", "UTF-8"},
	    {"( whole.eq.1)", "a term must be"},
	};
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		struct list_filter_reader r;
		struct list_filter f;
		if (read_group(&r, &f, "samples", true, table[i].text))
			fail_msg("taken: %s", table[i].text);
		if (strstr(r.why, table[i].why) == NULL)
			fail_msg("%s: %s", table[i].text, r.why);
		list_filter_free(&f);
	}
}

/* So deep, and no deeper; so many, and no more. */
static void bounds(void **state)
{
	(void)state;
	for (int depth = 1; depth < 2000; depth += depth < 12 ? 1 : 1000) {
		struct list_filter_reader r;
		struct list_filter f;
		struct buf b = {0};
		for (int i = 1; i < depth; i++)
			buf_str(&b, i == 1 ? "(and" : "(or");
		buf_str(&b, "(whole.eq.1");
		for (int i = 0; i < depth; i++)
			buf_char(&b, ')');
		bool taken = read_group(&r, &f, "samples", true, b.data);
		assert_int_equal(taken, depth <= LIST_FILTER_DEPTH);
		if (!taken)
			assert_non_null(strstr(r.why, "8 deep"));
		list_filter_free(&f);
		buf_free(&b);
	}
	for (int n = 1; n < 5000; n = n < 35 ? n + 1 : 5 * n) {
		struct list_filter_reader r;
		struct list_filter f;
		struct buf b = {0};
		for (int i = 0; i < n; i++)
			buf_printf(&b, "%cwhole.eq.%d", i ? ',' : '(', i);
		buf_char(&b, ')');
		bool taken = read_group(&r, &f, "samples", true, b.data);
		assert_int_equal(taken, n <= LIST_FILTERS);
		assert_int_equal(r.n, n < LIST_FILTERS ? n : LIST_FILTERS);
		if (!taken)
			assert_non_null(strstr(r.why, "32 filters"));
		list_filter_free(&f);
		buf_free(&b);
	}
}

static void one_filter(void **state)
{
	(void)state;
	const struct collection *c = declared("samples");
	const struct list_column *whole = list_filter_column(c, "whole", 5);
	struct list_filter_reader r = {.collection = c};
	struct list_filter f;
	struct buf b = {0};
	assert_non_null(whole);
	assert_null(list_filter_column(c, "code", 4));
	assert_null(list_filter_column(c, "whol", 4));
	assert_true(list_filter_read(&r, &f, whole, "not.gte.7", 9));
	assert_true(f.negated && f.op == LIST_GTE);
	list_filter_text(&b, &f, true);
	assert_string_equal(b.data, "whole=not.gte.7");
	buf_free(&b);
	list_filter_free(&f);
	assert_int_equal(r.n, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(one_form),
	    cmocka_unit_test(values),
	    cmocka_unit_test(refused),
	    cmocka_unit_test(bounds),
	    cmocka_unit_test(one_filter),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
