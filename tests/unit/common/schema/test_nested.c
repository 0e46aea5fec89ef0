/* What is within objects and arrays: how it is declared, and what conforms. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/schema/declare.h"
#include "common/schema/nested.h"

#include <stdio.h>
#include <string.h>

#define HEAD "{\"name\":\"c\",\"key\":{\"type\":\"string\"},\"fields\":{\"f\":{"
#define OBJECT HEAD "\"type\":\"object\",\"nullable\":true,"
#define ARRAY HEAD "\"type\":\"array\",\"nullable\":true,"
#define END "}}}"
#define STRING "{\"type\":\"string\"}"

static const struct {
	const char *text, *pointer, *reason;
} wrong[] = {
    {OBJECT "\"properties\":1" END, "/fields/f/properties",
	"must be an object"},
    {OBJECT "\"properties\":{}" END, "/fields/f/properties",
	"must have 1 to 64 members"},
    {OBJECT "\"properties\":{\"a/b\":" STRING "}" END, "/fields/f/properties",
	"the name of a member has letters, digits, _ and -, at most 64 "
	"characters"},
    {OBJECT "\"properties\":{\"\":" STRING "}" END, "/fields/f/properties",
	"the name of a member has letters, digits, _ and -, at most 64 "
	"characters"},
    {OBJECT "\"properties\":{\"a\":{}}" END, "/fields/f/properties/a",
	"type is required"},
    {OBJECT "\"properties\":{\"a\":1}" END, "/fields/f/properties/a",
	"must be an object"},
    {OBJECT "\"properties\":{\"a\":{\"type\":\"string\",\"oneOf\":[]}}" END,
	"/fields/f/properties/a", "unknown keyword \"oneOf\""},
    {OBJECT
	"\"properties\":{\"a\":{\"type\":\"string\",\"pattern\":\"a\"}}" END,
	"/fields/f/properties/a/pattern",
	"does not apply to a value within a field"},
    {OBJECT "\"properties\":{\"a\":{\"type\":\"integer\",\"minLength\":1}}" END,
	"/fields/f/properties/a/minLength",
	"does not apply to the type integer"},
    {OBJECT "\"properties\":{\"a\":{\"type\":\"integer\",\"minimum\":2,"
	    "\"maximum\":1}}" END,
	"/fields/f/properties/a", "minimum is greater than maximum"},
    {OBJECT "\"required\":[\"a\"]" END, "/fields/f/required",
	"\"a\" is not in properties"},
    {OBJECT "\"properties\":{\"a\":" STRING "},\"required\":[\"a\",\"a\"]" END,
	"/fields/f/required", "a appears twice"},
    {OBJECT "\"properties\":{\"a\":" STRING "},\"required\":[1]" END,
	"/fields/f/required", "1 is not in properties"},
    {OBJECT "\"required\":{}" END, "/fields/f/required", "must be an array"},
    {OBJECT "\"additionalProperties\":{}" END, "/fields/f/additionalProperties",
	"must be true or false"},
    {OBJECT "\"items\":" STRING END, "/fields/f/items",
	"does not apply to the type object"},
    {ARRAY "\"properties\":{}" END, "/fields/f/properties",
	"does not apply to the type array"},
    {ARRAY "\"items\":[]" END, "/fields/f/items", "must be an object"},
    {ARRAY "\"maxItems\":-1" END, "/fields/f/maxItems",
	"must be a whole number from 0 to 1000000000"},
    {HEAD "\"type\":\"array\",\"items\":{\"type\":\"array\",\"items\":" STRING
	  "},\"default\":[[\"a\",1]]" END,
	"/fields", "the default of f/0/1: must be a string"},
};

static void refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct declare_fault fault;
		const char *text = wrong[i].text;
		assert_null(declare(text, strlen(text), "c", &fault));
		if (strcmp(fault.pointer, wrong[i].pointer) != 0 ||
		    strcmp(fault.reason, wrong[i].reason) != 0)
			fail_msg(
			    "%s: %s: %s", text, fault.pointer, fault.reason);
	}
}

/* Each level is an array of the next one. */
static struct declaration *deep(int levels, struct declare_fault *fault)
{
	struct buf b = {0};
	buf_str(&b, HEAD "\"nullable\":true,");
	for (int i = 0; i < levels; i++)
		buf_str(&b, "\"type\":\"array\",\"items\":{");
	buf_str(&b, "\"type\":\"string\"");
	for (int i = 0; i < levels; i++)
		buf_char(&b, '}');
	buf_str(&b, END);
	struct declaration *d = declare(b.data, b.len, "c", fault);
	buf_free(&b);
	return d;
}

static void bounded(void **state)
{
	(void)state;
	struct declare_fault fault;
	struct declaration *d = deep(NESTED_DEPTH, &fault);
	assert_non_null(d);
	declaration_free(&d);
	assert_null(deep(NESTED_DEPTH + 1, &fault));
	assert_string_equal(fault.reason, "more than 8 levels");
	/* Five fields of 60 members. */
	struct buf b = {0};
	buf_str(&b, "{\"name\":\"c\",\"key\":{\"type\":\"string\"},"
		    "\"fields\":{");
	for (int f = 0; f < 5; f++) {
		buf_printf(&b,
		    "%s\"f%d\":{\"type\":\"object\",\"nullable\":true,"
		    "\"properties\":{",
		    f ? "," : "", f);
		for (int m = 0; m < 60; m++)
			buf_printf(&b, "%s\"m%d\":" STRING, m ? "," : "", m);
		buf_str(&b, "}}");
	}
	buf_str(&b, "}}");
	assert_null(declare(b.data, b.len, "c", &fault));
	assert_string_equal(fault.pointer, "/fields/f4/properties");
	assert_string_equal(fault.reason,
	    "more than 256 members and elements in one declaration");
	buf_free(&b);
}

#define SHAPE                                                                  \
	OBJECT "\"properties\":{"                                              \
	       "\"city\":{\"type\":\"string\",\"minLength\":1},"               \
	       "\"size\":{\"type\":\"integer\",\"minimum\":0,"                 \
	       "\"nullable\":true},"                                           \
	       "\"kind\":{\"type\":\"string\",\"enum\":[\"a\",\"b\"]},"        \
	       "\"at\":{\"type\":\"object\",\"properties\":{"                  \
	       "\"x\":{\"type\":\"number\"}},\"required\":[\"x\"]},"           \
	       "\"lines\":{\"type\":\"array\",\"maxItems\":2,\"items\":{"      \
	       "\"type\":\"object\",\"properties\":{\"n\":{"                   \
	       "\"type\":\"integer\"}},\"required\":[\"n\"]}}},"               \
	       "\"required\":[\"city\"],\"additionalProperties\":false" END

static bool note(void *arg, const char *pointer, const char *why)
{
	struct buf *out = arg;
	buf_printf(out, "%s%s %s", out->len ? "; " : "", pointer, why);
	return out->len < 200;
}

static const struct {
	const char *value;
	bool patch;
	const char *faults;
} values[] = {
    {"{\"city\":\"x\"}", false, ""},
    {"{\"city\":\"x\",\"size\":null,\"kind\":\"b\",\"at\":{\"x\":1.5,"
     "\"y\":[]},\"lines\":[{\"n\":1},{\"n\":2,\"o\":{}}]}",
	false, ""},
    {"null", false, ""},
    {"{}", false, "/f/city is required"},
    {"{}", true, ""},
    {"{\"city\":null}", false, "/f/city is required and must not be null"},
    {"{\"city\":null}", true, "/f/city is required, so it cannot be removed"},
    {"{\"kind\":null}", true, ""},
    {"{\"city\":\"\"}", false, "/f/city has 0 characters; at least 1"},
    {"{\"city\":\"\"}", true, "/f/city has 0 characters; at least 1"},
    {"{\"city\":\"x\",\"size\":-1}", false, "/f/size must be at least 0"},
    {"{\"city\":\"x\",\"kind\":\"c\"}", false,
	"/f/kind must be one of \"a\", \"b\""},
    {"{\"city\":\"x\",\"at\":{}}", false, "/f/at/x is required"},
    {"{\"at\":{}}", true, ""},
    {"{\"at\":{\"x\":\"1\"}}", true, "/f/at/x must be a number"},
    {"{\"at\":[]}", true, "/f/at must be an object"},
    {"{\"city\":\"x\",\"a~/b\":1}", false,
	"/f/a~0~1b is not a member that the object may have"},
    {"{\"ci\\u0074y\":\"\"}", true, "/f/city has 0 characters; at least 1"},
    {"{\"lines\":[{\"n\":1},{\"n\":\"2\"}]}", true,
	"/f/lines/1/n must be a 64-bit integer"},
    {"{\"lines\":[{}]}", true, "/f/lines/0/n is required"},
    {"{\"lines\":[{\"n\":null}]}", true,
	"/f/lines/0/n is required and must not be null"},
    {"{\"lines\":[{\"n\":1},{\"n\":1},{\"n\":1}]}", true,
	"/f/lines has 3 elements; at most 2"},
    {"{\"size\":\"a\",\"kind\":1}", false,
	"/f/size must be a 64-bit integer; /f/kind must be a string; "
	"/f/city is required"},
};

static void checked(void **state)
{
	(void)state;
	struct declare_fault fault;
	struct declaration *d = declare(SHAPE, strlen(SHAPE), "c", &fault);
	assert_non_null(d);
	const struct field *f = declaration_collection(d)->fields;
	assert_true(nested_has(f));
	for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
		struct buf out = {0};
		const char *s = values[i].value;
		buf_str(&out, "");
		bool good = nested_check(f, (struct jsonslice){s, strlen(s)},
		    values[i].patch, note, &out);
		if (good != (out.len == 0) ||
		    strcmp(out.data, values[i].faults) != 0)
			fail_msg("%s: %s", s, out.data);
		buf_free(&out);
	}
	declaration_free(&d);
}

/* Who has enough is told no more. */
static void enough(void **state)
{
	(void)state;
	static const char text[] =
	    ARRAY "\"items\":{\"type\":\"array\",\"items\":{\"type\":"
		  "\"boolean\"}}" END;
	struct declare_fault fault;
	struct declaration *d = declare(text, strlen(text), "c", &fault);
	assert_non_null(d);
	struct buf v = {0}, out = {0};
	buf_str(&v, "[[0");
	for (int i = 0; i < 1000; i++)
		buf_str(&v, i % 10 ? ",0" : "],[0");
	buf_str(&v, "]]");
	assert_false(nested_check(declaration_collection(d)->fields,
	    (struct jsonslice){v.data, v.len}, false, note, &out));
	assert_in_range(out.len, 200, 300);
	buf_free(&v);
	buf_free(&out);
	declaration_free(&d);
}

static void nothing_declared(void **state)
{
	(void)state;
	static const char text[] =
	    HEAD "\"type\":\"object\",\"nullable\":true" END;
	struct declare_fault fault;
	struct declaration *d = declare(text, strlen(text), "c", &fault);
	assert_non_null(d);
	const struct field *f = declaration_collection(d)->fields;
	assert_false(nested_has(f));
	assert_true(nested_check(
	    f, (struct jsonslice){"{\"a\":1}", 7}, false, note, NULL));
	declaration_free(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(refused),
	    cmocka_unit_test(bounded),
	    cmocka_unit_test(checked),
	    cmocka_unit_test(enough),
	    cmocka_unit_test(nothing_declared),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
