/* Which fields can refer to which key. What else is refused of `unique` and
 * `references` is in test_declare.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/buf.h"
#include "common/schema/declare.h"

#include <string.h>

#define SHORT "\"type\":\"string\",\"maxLength\":9"
#define ENUM(name)                                                             \
	"\"type\":\"string\",\"enum\":[\"x\"],\"columnType\":\"" name "\""
#define FIELDS                                                                 \
	"\"name\":\"c\",\"table\":\"t\",\"fields\":{\"s\":{" SHORT             \
	"},\"n\":{\"type\":\"integer\"},\"small\":{\"type\":\"integer\","      \
	"\"format\":\"int16\"},\"d\":{\"type\":\"string\",\"format\":"         \
	"\"date\"},\"e\":{" ENUM("kinds") "},\"f\":{" ENUM(                    \
	    "shop.kinds") "},"                                                 \
			  "\"fixed\":{" SHORT                                  \
			  ",\"columnType\":\"char\"}},\"required\":"           \
			  "[\"s\",\"n\",\"small\",\"d\",\"e\",\"f\","          \
			  "\"fixed\"]"

static struct declaration *read(const char *key, const char *fields)
{
	struct declare_fault fault;
	struct buf text = {0};
	buf_printf(&text, "{" FIELDS ",\"key\":%s", key);
	if (fields)
		buf_printf(&text,
		    ",\"references\":[{\"fields\":[%s],\"collection\":"
		    "\"c\"}]",
		    fields);
	buf_char(&text, '}');
	struct declaration *d = declare(text.data, text.len, "c", &fault);
	if (d == NULL)
		fail_msg("%s: %s", fault.pointer, fault.reason);
	buf_free(&text);
	return d;
}

static void is(const char *key, const char *fields, const char *why)
{
	struct declaration *from = read("{\"type\":\"uuid\"}", fields);
	struct declaration *to = read(key, NULL);
	const struct collection *c = declaration_collection(from);
	assert_int_equal(c->nreferences, 1);
	struct err e = declare_check_reference(
	    c, &c->references[0], declaration_collection(to));
	if (why == NULL)
		assert_int_equal(e.kind, ERR_KIND_OK);
	else if (strcmp(e.msg, why) != 0)
		fail_msg("%s", e.msg);
	declaration_free(&from);
	declaration_free(&to);
}

static void keys(void **state)
{
	(void)state;
	is("{\"type\":\"string\"}", "\"s\"", NULL);
	is("{\"type\":\"integer\"}", "\"small\"", NULL);
	is("[\"s\",\"n\"]", "\"s\",\"small\"", NULL);
	is("[\"d\",\"e\"]", "\"d\",\"e\"", NULL);
	is("[\"fixed\",\"n\"]", "\"fixed\",\"n\"", NULL);
	is("[\"s\",\"n\"]", "\"s\"",
	    "c: /references/s: the key of c has 2 fields, and the reference "
	    "has 1");
	is("{\"type\":\"string\"}", "\"s\",\"n\"",
	    "c: /references/s,n: the key of c has 1 field, and the reference "
	    "has 2");
	is("[\"s\",\"n\"]", "\"n\",\"s\"",
	    "c: /references/n,s: the field n is bigint, and s in the key of c "
	    "is text");
	is("[\"d\",\"e\"]", "\"d\",\"f\"",
	    "c: /references/d,f: the field f is enum, and e in the key of c is "
	    "enum");
	is("[\"s\",\"n\"]", "\"fixed\",\"n\"",
	    "c: /references/fixed,n: the field fixed is bpchar, and s in the "
	    "key of c is text");
	is("{\"type\":\"integer\"}", "\"d\"",
	    "c: /references/d: the field is date, and the key of c is bigint");
}

static void no_collection(void **state)
{
	(void)state;
	struct declaration *d = read("{\"type\":\"uuid\"}", "\"s\"");
	const struct collection *c = declaration_collection(d);
	struct err e = declare_check_reference(c, &c->references[0], NULL);
	assert_string_equal(
	    e.msg, "c: /references/s: there is no collection c");
	declaration_free(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(keys),
	    cmocka_unit_test(no_collection),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
