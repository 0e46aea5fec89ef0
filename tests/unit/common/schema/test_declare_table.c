/* The table of a declaration, and its columns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/schema/declare.h"

#include <stdio.h>
#include <string.h>

#define DECLARE(rest)                                                          \
	"{\"name\":\"c\",\"key\":{\"type\":\"integer\",\"name\":\"id\"},"      \
	"\"fields\":{\"a\":{\"type\":\"string\",\"nullable\":true},"           \
	"\"b\":{\"type\":\"boolean\",\"nullable\":true}}" rest "}"

static struct declaration *read(const char *text, struct declare_fault *fault)
{
	return declare(text, strlen(text), "c", fault);
}

static void without(void **state)
{
	(void)state;
	struct declare_fault fault;
	struct declaration *d = read(DECLARE(""), &fault);
	assert_non_null(d);
	const struct table *t = &declaration_collection(d)->table;
	assert_string_equal(t->schema, "public");
	assert_string_equal(t->name, "c");
	assert_false(t->foreign);
	assert_true(t->times);
	assert_string_equal(t->key, "id");
	assert_string_equal(t->version, "version");
	assert_string_equal(declaration_collection(d)->fields[1].stored, "b");
	declaration_free(&d);
}

static void named(void **state)
{
	(void)state;
	struct declare_fault fault;
	struct declaration *d =
	    read(DECLARE(",\"table\":\"my shop.an order.x\",\"columns\":{"
			 "\"a\":\"The \\\"A\\\"\",\"id\":\"ID\","
			 "\"version\":\"rev\",\"updated_at\":\"changed\"}"),
		&fault);
	assert_non_null(d);
	const struct collection *c = declaration_collection(d);
	assert_string_equal(c->table.schema, "my shop");
	assert_string_equal(c->table.name, "an order.x");
	assert_true(c->table.foreign);
	assert_string_equal(c->table.key, "ID");
	assert_string_equal(c->table.version, "rev");
	assert_string_equal(c->table.created_at, "created_at");
	assert_string_equal(c->table.updated_at, "changed");
	assert_string_equal(c->fields[0].name, "a");
	assert_string_equal(c->fields[0].stored, "The \"A\"");
	assert_string_equal(c->fields[1].stored, "b");
	assert_string_equal(c->columns[0].stored, "ID");
	declaration_free(&d);
}

/* Then the names of the times are those of fields, like any other. */
static void no_times(void **state)
{
	(void)state;
	struct declare_fault fault;
	struct declaration *d = read(
	    "{\"name\":\"c\",\"key\":{\"type\":\"string\"},\"times\":false,"
	    "\"fields\":{\"created_at\":{\"type\":\"string\",\"format\":"
	    "\"date\",\"nullable\":true}},"
	    "\"list\":{\"filter\":[\"created_at\"]}}",
	    &fault);
	assert_non_null(d);
	const struct collection *c = declaration_collection(d);
	assert_false(c->table.times);
	assert_int_equal(c->columns[1].column, COLUMN_DATE);
	declaration_free(&d);
	assert_null(read(DECLARE(",\"times\":false,\"list\":{\"order\":["
				 "\"updated_at\"]}"),
	    &fault));
	assert_string_equal(fault.reason, "\"updated_at\" is not a field");
}

static void refused(void **state)
{
	(void)state;
	static const struct {
		const char *text, *pointer, *reason;
	} table[] = {
	    {DECLARE(",\"table\":1"), "/table", "must be a string"},
	    {DECLARE(",\"table\":\"\""), "/table", "must be the name of a"},
	    {DECLARE(",\"table\":\".x\""), "/table", "must be the name of a"},
	    {DECLARE(",\"table\":\"x.\""), "/table", "must be the name of a"},
	    {DECLARE(",\"times\":0"), "/times", "must be true or false"},
	    {DECLARE(",\"columns\":[]"), "/columns", "must be an object"},
	    {DECLARE(",\"columns\":{\"x\":\"y\"}"), "/columns/x",
		"is not the key, a field"},
	    {DECLARE(",\"times\":false,\"columns\":{\"created_at\":\"y\"}"),
		"/columns/created_at", "is not the key, a field"},
	    {DECLARE(",\"columns\":{\"a\":1}"), "/columns/a",
		"must be the name of a column"},
	    {DECLARE(",\"columns\":{\"a\":\"\"}"), "/columns/a",
		"must be a name of 1 to 63 bytes"},
	    {DECLARE(",\"columns\":{\"a\":\"xmin\"}"), "/columns/a",
		"is a column that PostgreSQL keeps for itself"},
	    {DECLARE(",\"columns\":{\"a\":\"b\"}"), "/columns",
		"the column b has two meanings"},
	    {DECLARE(",\"columns\":{\"a\":\"version\"}"), "/columns",
		"the column version has two meanings"},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct declare_fault fault;
		assert_null(read(table[i].text, &fault));
		assert_string_equal(fault.pointer, table[i].pointer);
		if (strncmp(fault.reason, table[i].reason,
			strlen(table[i].reason)) != 0)
			fail_msg("%s: %s", table[i].reason, fault.reason);
	}
}

static uint64_t shape(const char *text)
{
	struct declare_fault fault;
	struct declaration *d = read(text, &fault);
	assert_non_null(d);
	uint64_t out = declaration_collection(d)->shape;
	declaration_free(&d);
	return out;
}

/* All daemons must agree about where the rows are. */
static void shapes(void **state)
{
	(void)state;
	static const char *const texts[] = {
	    DECLARE(""),
	    DECLARE(",\"table\":\"c\""),
	    DECLARE(",\"table\":\"shop.c\""),
	    DECLARE(",\"times\":false"),
	    DECLARE(",\"columns\":{\"a\":\"x\"}"),
	    DECLARE(",\"columns\":{\"b\":\"x\"}"),
	    DECLARE(",\"columns\":{\"id\":\"x\"}"),
	    DECLARE(",\"columns\":{\"version\":\"x\"}"),
	    DECLARE(",\"columns\":{\"created_at\":\"x\"}"),
	    DECLARE(",\"columns\":{\"updated_at\":\"x\"}"),
	};
	size_t n = sizeof texts / sizeof *texts;
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < i; k++)
			assert_true(shape(texts[i]) != shape(texts[k]));
	}
	assert_true(shape(texts[0]) == shape(DECLARE(",\"columns\":{}")));
	assert_true(shape(texts[0]) == shape(DECLARE(",\"times\":true")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(without),
	    cmocka_unit_test(named),
	    cmocka_unit_test(no_times),
	    cmocka_unit_test(refused),
	    cmocka_unit_test(shapes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
