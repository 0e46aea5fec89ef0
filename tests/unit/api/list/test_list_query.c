/* Queries of lists: what is taken, what is refused and how it is said, and that
 * one query has one text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/list/list_query.h"

#include "tests/unit/declared.h"

#include <stdlib.h>
#include <string.h>

/* "name=value name=value …"; stops at the first refusal. */
static bool take(
    struct list_query *q, const char *text, struct list_fault *fault)
{
	*fault = (struct list_fault){0};
	while (*text) {
		size_t len = strcspn(text, "\n");
		size_t name = strcspn(text, "=");
		if (!list_query_add(
			q, text, name, text + name + 1, len - name - 1, fault))
			return false;
		text += len + (text[len] == '\n');
	}
	return list_query_finish(q, fault);
}

static void is_text(const char *collection, const char *text, const char *want)
{
	struct list_fault fault;
	struct list_query *q = list_query_new(declared(collection));
	struct buf b = {0};
	if (!take(q, text, &fault))
		fail_msg("%s: %s: %s", text, fault.parameter, fault.detail);
	list_query_text(&b, q);
	assert_string_equal(b.data, want);
	buf_free(&b);
	list_query_unref(&q);
	assert_null(q);
}

static void is_refused(const char *collection, const char *text,
    const char *parameter, const char *detail)
{
	struct list_fault fault;
	struct list_query *q = list_query_new(declared(collection));
	if (take(q, text, &fault))
		fail_msg("taken: %s", text);
	assert_string_equal(fault.parameter, parameter);
	if (strstr(fault.detail, detail) == NULL)
		fail_msg("%s: %s", text, fault.detail);
	assert_int_equal(fault.cursor, strcmp(parameter, "cursor") == 0);
	list_query_unref(&q);
}

static void one_text(void **state)
{
	(void)state;
	is_text("posts", "", "posts?order=id.asc");
	is_text("samples", "", "samples?order=part.desc");
	is_text("posts", "order=title", "posts?order=title.asc");
	is_text("posts", "order=title.desc", "posts?order=title.desc");
	is_text("posts", "order=title,id", "posts?order=title.asc");
	is_text("posts", "order=id.desc", "posts?order=id.desc");
	is_text(
	    "samples", "order=code,at.desc", "samples?order=code.asc,at.desc");
	is_text("samples", "order=code.desc,at,sample_id",
	    "samples?order=code.desc,at.asc");
	is_text("samples", "order=mood.desc,part.desc,sample_id.desc",
	    "samples?order=mood.desc,part.desc");
	is_text("posts", "author=eq.", "posts?author=eq.&order=id.asc");
	is_text("posts", "author=eq.a&b c.d",
	    "posts?author=eq.a%26b%20c.d&order=id.asc");
	is_text("posts", "id=in.(3,1)\nid=gte.2",
	    "posts?id=gte.2&id=in.%28%223%22%2C%221%22%29&order=id.asc");
	is_text("posts", "id=gte.2\nid=in.(3,1)",
	    "posts?id=gte.2&id=in.%28%223%22%2C%221%22%29&order=id.asc");
	is_text("posts", "title=like.a*_\\*",
	    "posts?title=like.a%25_%5C%2A&order=id.asc");
	is_text("posts", "title=like.a%_\\*",
	    "posts?title=like.a%25_%5C%2A&order=id.asc");
	is_text("samples", "whole=is.null",
	    "samples?whole=is.null&order=part.desc");
	is_text("samples", "flag=is.true\nflag=eq.false",
	    "samples?flag=eq.false&flag=is.true&order=part.desc");
	is_text("products", "price=gte.1e2\nprice=lt.1000.50",
	    "products?price=gte.1e2&price=lt.1000.50&order=id.asc");
	is_text("samples", "at=lt.2026-01-01T00:00:00+01:00",
	    "samples?at=lt.2026-01-01T00%3A00%3A00%2B01%3A00&order=part."
	    "desc");
}

/* In few bytes, and the same query again. */
static void is_link(const char *filters, const char *want)
{
	struct list_fault fault;
	struct list_query *q = list_query_new(declared("posts"));
	struct buf b = {0};
	if (!take(q, filters, &fault))
		fail_msg("%s: %s: %s", filters, fault.parameter, fault.detail);
	list_query_link(&b, q);
	assert_string_equal(b.data, want);
	buf_free(&b);
	list_query_unref(&q);
}

static void links(void **state)
{
	(void)state;
	is_link("", "posts?order=id.asc");
	is_link("id=in.(3,\"1\")", "posts?id=in.(3,1)&order=id.asc");
	is_link("author=in.(\"a)\",_b,\"c,d\",\"e\\\"f\",\"\",g h)",
	    "posts?author=in.(a),_b,%22c,d%22,%22e%5C%22f%22,%22%22,g%20h)"
	    "&order=id.asc");
	is_link("author=in.(\"\")", "posts?author=in.(%22%22)&order=id.asc");
	is_link("id=in.()", "posts?id=in.()&order=id.asc");
	is_link("author=eq.\xc3\xa9&+#%=",
	    "posts?author=eq.%C3%A9%26%2B%23%25%3D&order=id.asc");
}

static void lists(void **state)
{
	(void)state;
	struct list_fault fault;
	struct list_query *q = list_query_new(declared("posts"));
	assert_true(take(q, "author=in.(a,\"b,c\",\"d\\\"\\\\e\",,f)", &fault));
	assert_int_equal(q->nfilters, 1);
	assert_int_equal(q->filters[0].n, 5);
	assert_string_equal(q->filters[0].values[0].s, "a");
	assert_string_equal(q->filters[0].values[1].s, "b,c");
	assert_string_equal(q->filters[0].values[2].s, "d\"\\e");
	assert_string_equal(q->filters[0].values[3].s, "");
	assert_string_equal(q->filters[0].values[4].s, "f");
	list_query_unref(&q);
	q = list_query_new(declared("posts"));
	assert_true(take(q, "id=in.()", &fault));
	assert_int_equal(q->filters[0].n, 0);
	list_query_unref(&q);
}

static void too_long_a_list(void **state)
{
	(void)state;
	struct list_fault fault;
	struct buf b = {0};
	struct list_query *q = list_query_new(declared("posts"));
	buf_str(&b, "in.(");
	for (int i = 0; i < LIST_CHOICES; i++)
		buf_printf(&b, "%s%d", i ? "," : "", i);
	buf_char(&b, ')');
	assert_true(list_query_add(q, "id", 2, b.data, b.len, &fault));
	b.data[b.len - 1] = ',';
	buf_str(&b, "1)");
	assert_false(list_query_add(q, "id", 2, b.data, b.len, &fault));
	assert_string_equal(fault.parameter, "id");
	for (int i = 0; i < LIST_FILTERS - 2; i++)
		assert_true(list_query_add(q, "id", 2, "gt.1", 4, &fault));
	assert_false(list_query_add(q, "id", 2, "gt.1", 4, &fault));
	assert_non_null(strstr(fault.detail, "more than 32"));
	buf_free(&b);
	list_query_unref(&q);
}

/* Whoever asks for the same in another form gets the same page. */
static void groups(void **state)
{
	(void)state;
	static const char want[] =
	    "samples?whole=gt.2&flag=eq.true&or=%28whole.lt.%229%22%2C"
	    "part.gt.%221%22%29&order=part.desc";
	is_text("samples",
	    "whole=gt.2\nflag=eq.true\nor=(whole.lt.9,part.gt.1)", want);
	is_text("samples",
	    "and=(or(part.gt.1,whole.lt.9),flag.eq.true)\nor=(whole.gt.2)",
	    want);
	is_text("samples",
	    "not.or=(whole.not.gt.2)\n"
	    "and=(flag.eq.true,and(or(part.gt.1,or(whole.lt.9))))",
	    want);
	is_text("samples", "not.or=(whole.gt.2,flag.is.null)",
	    "samples?not.or=%28whole.gt.%222%22%2Cflag.is.null%29"
	    "&order=part.desc");
	is_refused("samples", "or=(whole.eq.x)", "or", "whole: must be an int");
	is_refused("samples", "not.and=x", "not.and", "in brackets");
	is_refused("samples", "not.whole=eq.1", "not.whole", "declares");
	is_refused("samples", "not.not.or=(whole.eq.1)", "not.not.or", "decl");
}

/* The bound holds for all filters of a query together. */
static void too_many_in_groups(void **state)
{
	(void)state;
	struct list_fault fault;
	struct list_query *q = list_query_new(declared("posts"));
	for (int i = 0; i < LIST_FILTERS / 2; i++)
		assert_true(list_query_add(
		    q, "or", 2, "(id.eq.1,id.gt.2)", 17, &fault));
	assert_false(list_query_add(q, "or", 2, "(id.eq.1)", 9, &fault));
	assert_non_null(strstr(fault.detail, "more than 32 filters"));
	assert_false(list_query_add(q, "id", 2, "eq.1", 4, &fault));
	assert_true(list_query_finish(q, &fault));
	list_query_unref(&q);
}

static void selections(void **state)
{
	(void)state;
	struct list_fault fault;
	struct buf text = {0}, link = {0}, id = {0};
	struct list_query *q = list_query_new(declared("posts"));
	assert_false(list_query_add(q, "select", 6, "id", 2, &fault));
	q->selects = true;
	assert_true(take(q, "select=title,id", &fault));
	list_query_text(&text, q);
	list_query_link(&link, q);
	list_query_id(&id, q);
	/* A cursor is valid for every selection. */
	assert_string_equal(text.data, "posts?order=id.asc");
	assert_string_equal(link.data, "posts?order=id.asc&select=id,title");
	assert_string_equal(
	    id.data + 7, "posts?order=id.asc&select=id,title&limit=100");
	assert_false(list_query_add(q, "select", 6, "id", 2, &fault));
	assert_string_equal(fault.detail, "appears twice");
	list_query_unref(&q);
	q = list_query_new(declared("posts"));
	q->selects = true;
	assert_false(take(q, "select=nothing", &fault));
	assert_string_equal(fault.parameter, "select");
	buf_free(&text);
	buf_free(&link);
	buf_free(&id);
	list_query_unref(&q);
}

static void counts(void **state)
{
	(void)state;
	static const char *const no[] = {"order", "limit", "cursor"};
	struct list_fault fault;
	struct buf a = {0}, b = {0}, c = {0};
	struct list_query *q = list_query_new(declared("posts"));
	assert_true(take(q, "author=eq.ada", &fault));
	list_query_id(&a, q);
	q->totals = true;
	list_query_id(&b, q);
	list_query_unref(&q);
	q = list_query_new(declared("posts"));
	q->counts = true;
	for (size_t i = 0; i < 3; i++) {
		assert_false(
		    list_query_add(q, no[i], strlen(no[i]), "1", 1, &fault));
		assert_string_equal(fault.parameter, no[i]);
	}
	assert_true(take(q, "author=eq.ada", &fault));
	list_query_id(&c, q);
	assert_string_not_equal(a.data + 7, b.data + 7); /* behind the NUL */
	assert_string_not_equal(a.data + 7, c.data + 7);
	assert_string_not_equal(b.data + 7, c.data + 7);
	buf_free(&a);
	buf_free(&b);
	buf_free(&c);
	list_query_unref(&q);
}

static void refused(void **state)
{
	(void)state;
	static const struct {
		const char *collection, *query, *parameter, *detail;
	} table[] = {
	    {"posts", "content=eq.x", "content", "posts declares"},
	    {"posts", "nothing=eq.x", "nothing", "posts declares"},
	    {"posts", "=eq.x", "", "posts declares"},
	    {"samples", "code=eq.AB-1", "code", "for filters"}, /* order only */
	    {"samples", "order=mood", "order", "declares"}, /* filter only */
	    {"posts", "author=ada", "author", "op.value"},
	    {"posts", "author=not", "author", "op.value"},
	    {"posts", "author=not.not.eq.1", "author", "op.value"},
	    {"posts", "author=is", "author", "op.value"},
	    {"posts", "author=contains.ada", "author", "op.value"},
	    {"posts", "author=EQ.ada", "author", "op.value"},
	    {"posts", "author=eq.\xff", "author", "UTF-8"},
	    {"posts", "id=eq.", "id", "integer"},
	    {"posts", "id=eq.-", "id", "integer"},
	    {"posts", "id=eq.1.0", "id", "integer"},
	    {"posts", "id=eq.+1", "id", "integer"},
	    {"posts", "id=eq.9223372036854775808", "id", "integer"},
	    {"posts", "id=in.(1,x)", "id", "integer"},
	    {"posts", "id=in.1,2", "id", "in takes"},
	    {"posts", "id=in.(1,2", "id", "in takes"},
	    {"posts", "author=in.(\"a)", "author", "in takes"},
	    {"posts", "author=in.(a\"b)", "author", "in takes"},
	    {"posts", "author=in.(\"a\"b)", "author", "in takes"},
	    {"posts", "id=like.1*", "id", "for strings"},
	    {"posts", "title=like.a\\", "title", "backslash"},
	    {"posts", "title=is.nothing", "title", "null or not_null"},
	    {"posts", "title=is.true", "title", "null or not_null"},
	    {"samples", "flag=is.unknown", "flag", "true or false"},
	    {"samples", "flag=eq.1", "flag", "true or false"},
	    {"products", "price=gt.cheap", "price", "number"},
	    {"products", "price=gt.NaN", "price", "number"},
	    {"products", "price=gt. 1", "price", "number"},
	    {"products", "price=gt.1e999999", "price", "number"},
	    {"samples", "at=gt.2026-13-01T00:00:00Z", "at", "%2B"},
	    {"samples", "sample_id=eq.1", "sample_id", "UUID"},
	    {"posts", "order=", "order", "declares"},
	    {"posts", "order=content", "order", "declares"},
	    {"posts", "order=title.up", "order", ".asc or .desc"},
	    {"posts", "order=title.desc.nullsfirst", "order", ".asc"},
	    {"posts", "order=title\norder=id", "order", "twice"},
	    {"posts", "order=title,", "order", "declares"},
	    {"posts", "order=title,id.desc", "order", "no index on several"},
	    {"posts", "order=id,title", "order", "no index on several"},
	    {"samples", "order=code,at", "order",
		"The indexes of samples: code,at.desc; mood,part"},
	    {"samples", "order=at.desc,code", "order", "indexes of samples"},
	    {"samples", "order=code.desc,at.desc", "order", "indexes of"},
	    {"samples", "order=mood,part.desc", "order", "indexes of"},
	    {"samples", "order=mood,part,code", "order", "indexes of"},
	    {"samples", "order=mood,mood", "order", "indexes of"},
	    {"samples", "order=code,at.desc,sample_id", "order", "indexes of"},
	    {"samples", "order=mood,part.up", "order", ".asc or .desc"},
	    {"samples", "order=mood,tree.name", "order", "declares"},
	    {"samples", "order=mood,sample_id", "order", "declares"},
	    {"samples", "order=a,b,c,d,e,f,g", "order", "declares"},
	    {"samples", "order=at,at,at,at,at,at", "order", "more than 4"},
	    {"samples", "order=at,at,at,at,at", "order", "more than 4"},
	    {"posts", "limit=0", "limit", "from 1 to 1000"},
	    {"posts", "limit=1001", "limit", "from 1 to 1000"},
	    {"posts", "limit=", "limit", "from 1"},
	    {"posts", "limit=-1", "limit", "from 1"},
	    {"posts", "limit=99999999999", "limit", "from 1"},
	    {"samples", "limit=51", "limit", "from 1 to 50"},
	    {"posts", "limit=1\nlimit=1", "limit", "twice"},
	    {"posts", "cursor=", "cursor", "does not belong"},
	    {"posts", "cursor=AAAA", "cursor", "does not belong"},
	};
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		is_refused(table[i].collection, table[i].query,
		    table[i].parameter, table[i].detail);
}

/* What a client sends as a name comes back in a JSON string. */
static void strange_names(void **state)
{
	(void)state;
	is_refused("posts", "a\x01=x", "a", "posts declares");
	is_refused("posts", "\xff\xfe=x", "", "posts declares");
}

static void is_id(const char *text, bool csv, const char *want, size_t len)
{
	struct list_fault fault;
	struct buf b = {0};
	struct list_query *q = list_query_new(declared("posts"));
	q->selects = true;
	q->csv = csv;
	assert_true(take(q, text, &fault));
	list_query_id(&b, q);
	assert_int_equal(b.len, len);
	assert_memory_equal(b.data, want, len);
	buf_free(&b);
	list_query_unref(&q);
}

/* One entry for a group of the same collections, whoever asks; another one for
 * an owner. */
static void ids_of_groups(void **state)
{
	(void)state;
	struct list_fault fault;
	struct buf b = {0};
	struct list_query *q =
	    list_query_group(declared("accounts"), "c42:", 3, 5);
	q->also = list_query_group(declared("transfers"), "c42", 3, 5);
	assert_true(list_query_finish(q, &fault));
	list_query_id(&b, q);
	static const char want[] = "_batch/c42\0accounts?order=key.asc\0"
				   "transfers?order=key.asc";
	assert_int_equal(b.len, sizeof want - 1);
	assert_memory_equal(b.data, want, sizeof want);
	assert_int_equal(list_query_parts(q), 2);
	assert_int_equal(q->limit, LIST_GROUP);
	assert_int_equal(q->partition, 5);
	buf_free(&b);
	list_query_unref(&q);
}

static void ids(void **state)
{
	(void)state;
#define ID(text, csv, want) is_id(text, csv, want, sizeof want - 1)
#define POSTS "posts/\0posts?order=id.asc"
	ID("limit=7", false, POSTS "&limit=7");
	ID("limit=7", true, POSTS "&limit=7&csv");
	ID("limit=7\nselect=title,id", false, POSTS "&select=id,title&limit=7");
	/* The columns of CSV have the order of the names. */
	ID("limit=7\nselect=title,id", true,
	    POSTS "&select=title,id&limit=7&csv");
}

/* An export has filters and a selection. */
static void of_exports(void **state)
{
	(void)state;
	static const char *const names[] = {"order", "limit", "cursor"};
	struct list_fault fault;
	struct list_query *q = list_query_new(declared("posts"));
	q->exports = q->selects = true;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		assert_false(list_query_add(
		    q, names[i], strlen(names[i]), "1", 1, &fault));
		assert_string_equal(fault.parameter, names[i]);
		assert_non_null(strstr(fault.detail, "filters and select"));
		assert_false(fault.cursor);
	}
	assert_false(list_query_add(q, "content", 7, "eq.a", 4, &fault));
	assert_non_null(strstr(fault.detail, "is not select or a field"));
	assert_true(list_query_add(q, "select", 6, "id,title", 8, &fault));
	assert_true(list_query_add(q, "author", 6, "eq.a", 4, &fault));
	assert_true(list_query_add(q, "or", 2, "(id.eq.1)", 9, &fault));
	assert_true(list_query_finish(q, &fault));
	assert_int_equal(q->nfilters, 2);
	list_query_unref(&q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(of_exports),
	    cmocka_unit_test(one_text),
	    cmocka_unit_test(links),
	    cmocka_unit_test(lists),
	    cmocka_unit_test(too_long_a_list),
	    cmocka_unit_test(groups),
	    cmocka_unit_test(too_many_in_groups),
	    cmocka_unit_test(selections),
	    cmocka_unit_test(counts),
	    cmocka_unit_test(refused),
	    cmocka_unit_test(strange_names),
	    cmocka_unit_test(ids),
	    cmocka_unit_test(ids_of_groups),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
