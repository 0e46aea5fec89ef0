/* Examples are valid, of every collection that the tests declare; where none is
 * known, none is given. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/openapi/example.h"
#include "common/base/buf.h"
#include "common/schema/declare.h"
#include "tests/unit/declared.h"

static const enum json_schema_of kinds[] = {JSON_SCHEMA_NEW, JSON_SCHEMA_PUT,
    JSON_SCHEMA_CREATE, JSON_SCHEMA_PATCH, JSON_SCHEMA_INCREMENT};

static bool has(struct jsonslice body, const char *name)
{
	struct buf quoted = {0};
	buf_printf(&quoted, "\"%s\":", name);
	bool found = memmem(body.s, body.len, quoted.data, quoted.len) != NULL;
	buf_free(&quoted);
	return found;
}

static void valid_body(const struct collection *c, enum json_schema_of of)
{
	struct buf out = {0};
	struct jsonout j = {.out = &out};
	struct jsonslice body;
	size_t members = 0;
	bool whole = of != JSON_SCHEMA_PATCH && of != JSON_SCHEMA_INCREMENT;
	if (!json_schema_exists(c, of))
		return;
	assert_true(example_body(&j, NULL, c, of));
	assert_true(jsonslice_scan(out.data, out.len, &body));
	struct jsonslice_member e = jsonslice_members(body);
	while (jsonslice_next(&e)) {
		size_t i = collection_field(c, e.name);
		assert_true(i < c->nfields); /* it names no key */
		if (of != JSON_SCHEMA_INCREMENT)
			assert_int_equal(
			    field_faults(&c->fields[i], e.value), 0);
		else
			assert_true(field_is_number(&c->fields[i]));
		members++;
	}
	for (size_t i = 0; whole && i < c->nfields; i++)
		assert_true(
		    !c->fields[i].required || has(body, c->fields[i].name));
	assert_true(whole ? members > 0 : members == 1);
	buf_free(&out);
}

static void bodies_are_valid(void **state)
{
	(void)state;
	const struct collection *c;
	declared("records"); /* reads them */
	for (size_t i = 0; (c = collection_at(i)) != NULL; i++) {
		for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
			valid_body(c, kinds[k]);
	}
}

static void keys_are_valid(void **state)
{
	(void)state;
	const struct collection *c;
	declared("records");
	for (size_t i = 0; (c = collection_at(i)) != NULL; i++) {
		struct buf out = {0};
		struct jsonout j = {.out = &out};
		example_key(&j, NULL, c);
		bool quoted = c->key != KEY_INTEGER;
		assert_int_equal(out.data[0] == '"', quoted);
		assert_true(collection_key_valid(
		    c, out.data + quoted, out.len - 2 * quoted));
		buf_free(&out);
	}
}

static void filter_is(
    const char *collection, const char *column, const char *want)
{
	const struct collection *c = declared(collection);
	for (size_t i = 0; i < c->ncolumns; i++) {
		struct buf out = {0};
		if (strcmp(c->columns[i].name, column) != 0)
			continue;
		assert_true(example_filter(&out, &c->columns[i]));
		assert_string_equal(out.data, want);
		buf_free(&out);
		return;
	}
	fail_msg("%s has no column %s", collection, column);
}

static void filters(void **state)
{
	(void)state;
	filter_is("posts", "title", "eq.text");
	filter_is("posts", "created_at", "eq.2026-01-31T12:00:00Z");
	filter_is("products", "price", "eq.1");
	filter_is("products", "stock_quantity", "eq.0"); /* its default */
	filter_is("samples", "mood", "eq.it's");
	filter_is("samples", "flag", "is.false");
	filter_is("samples", "at", "eq.2026-01-31T12:00:00Z");
	filter_is("posts", "id", "eq.1");
	filter_is("records", "key", "eq.user:1");
	filter_is(
	    "samples", "sample_id", "eq.0190a6e2-7c1b-7b3a-9d52-3f6f1c2b8a41");
}

/* Of a collection with one field, required or not. */
static void body_is(const char *field, bool required, const char *want)
{
	struct declare_fault fault;
	struct buf text = {0}, out = {0};
	struct jsonout j = {.out = &out};
	buf_printf(&text,
	    "{\"name\":\"c\",\"key\":{\"type\":\"string\"},"
	    "\"fields\":{\"f\":%s},\"required\":[%s]}",
	    field, required ? "\"f\"" : "");
	struct declaration *d = declare(text.data, text.len, "c", &fault);
	if (d == NULL)
		fail_msg("%s: %s", field, fault.reason);
	bool known =
	    example_body(&j, NULL, declaration_collection(d), JSON_SCHEMA_PUT);
	assert_int_equal(known, want != NULL);
	if (want)
		assert_string_equal(out.data, want);
	else
		assert_null(out.data);
	declaration_free(&d);
	buf_free(&text);
	buf_free(&out);
}

static void as_the_field_demands(void **state)
{
	(void)state;
	body_is("{\"type\":\"string\"}", true, "{\"f\":\"text\"}");
	body_is("{\"type\":\"string\",\"maxLength\":1}", true, "{\"f\":\"a\"}");
	body_is("{\"type\":\"string\",\"minLength\":30}", true,
	    "{\"f\":\"0190a6e2-7c1b-7b3a-9d52-3f6f1c2b8a41\"}");
	body_is("{\"type\":\"string\",\"minLength\":40}", true,
	    "{\"f\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}");
	body_is(
	    "{\"type\":\"string\",\"default\":\"d\"}", false, "{\"f\":\"d\"}");
	body_is("{\"type\":\"string\",\"enum\":[\"x\",\"y\"]}", true,
	    "{\"f\":\"x\"}");
	body_is(
	    "{\"type\":\"integer\",\"minimum\":12345}", true, "{\"f\":12345}");
	body_is("{\"type\":\"number\",\"maximum\":-5.5}", true, "{\"f\":-5.5}");
	body_is("{\"type\":\"boolean\"}", true, "{\"f\":true}");
	body_is("{\"type\":\"array\"}", true, "{\"f\":[1,2]}");
	body_is(
	    "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":"
	    "\"integer\",\"minimum\":7},\"b\":{\"type\":\"array\",\"items\":"
	    "{\"type\":\"string\"},\"maxItems\":1}}}",
	    true, "{\"f\":{\"a\":10,\"b\":[\"text\"]}}");
	body_is("{\"type\":\"array\",\"items\":{\"type\":\"boolean\"},"
		"\"maxItems\":0}",
	    true, "{\"f\":[]}");
}

static void none_is_known(void **state)
{
	(void)state;
	const char *odd = "{\"type\":\"string\",\"pattern\":\"^Z{7}$\"}";
	const char *nullable = "{\"type\":\"string\",\"pattern\":\"^Z{7}$\","
			       "\"nullable\":true}";
	body_is(odd, true, NULL);
	body_is(nullable, false, "{}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(bodies_are_valid),
	    cmocka_unit_test(keys_are_valid),
	    cmocka_unit_test(filters),
	    cmocka_unit_test(as_the_field_demands),
	    cmocka_unit_test(none_is_known),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
