/* Spans as OTLP/JSON has them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/trace/span.h"

#include <jansson.h>
#include <string.h>

static const uint64_t random_bits[3] = {
    0x1122334455667788u, 0x99aabbccddeeff00u, 0x0123456789abcdefu};

static json_t *written(const struct span *s)
{
	struct buf text = {0};
	span_write(s, &text);
	json_t *doc =
	    json_loadb(text.data, text.len, JSON_REJECT_DUPLICATES, NULL);
	buf_free(&text);
	assert_non_null(doc);
	return doc;
}

static const char *text_of(const json_t *doc, const char *name)
{
	const char *s = json_string_value(json_object_get(doc, name));
	return s ? s : "(none)";
}

static void root_and_child(void **state)
{
	(void)state;
	struct span_start root = span_root(random_bits, 1700000000123456, 50);
	assert_true(span_is_on(&root));
	assert_true(trace_context_is_sampled(&root.self));
	struct span_start child =
	    span_child(&root.self, 0xff, 1700000000123999, 60);
	assert_true(child.parent == root.self.span);
	struct span *s = span_end(&child, SPAN_PRODUCER, "send", 160);
	json_t *doc = written(s);
	assert_string_equal(
	    text_of(doc, "traceId"), "112233445566778899aabbccddeeff00");
	assert_string_equal(text_of(doc, "spanId"), "00000000000000ff");
	assert_string_equal(text_of(doc, "parentSpanId"), "0123456789abcdef");
	assert_string_equal(text_of(doc, "name"), "send");
	assert_string_equal(
	    text_of(doc, "startTimeUnixNano"), "1700000000123999000");
	assert_string_equal(
	    text_of(doc, "endTimeUnixNano"), "1700000000124099000");
	assert_int_equal(json_integer_value(json_object_get(doc, "kind")), 4);
	assert_null(json_object_get(doc, "attributes"));
	assert_null(json_object_get(doc, "status"));
	json_decref(doc);
	span_free(&s);
	assert_null(s);
	/* A root names no parent; and its clock went back. */
	s = span_end(&root, SPAN_SERVER, "GET", 49);
	doc = written(s);
	assert_null(json_object_get(doc, "parentSpanId"));
	assert_string_equal(
	    text_of(doc, "startTimeUnixNano"), text_of(doc, "endTimeUnixNano"));
	json_decref(doc);
	span_free(&s);
}

/* Zeroes are no ids. */
static void ids_are_never_zero(void **state)
{
	(void)state;
	const uint64_t zeroes[3] = {0};
	struct span_start root = span_root(zeroes, 1, 1);
	assert_true(span_is_on(&root));
	assert_true(root.self.trace[1] != 0);
	assert_true(span_child(&root.self, 0, 1, 1).self.span != 0);
	assert_false(span_is_on(&(struct span_start){0}));
}

static const json_t *attribute(const json_t *doc, const char *key)
{
	size_t i;
	json_t *a;
	json_array_foreach(json_object_get(doc, "attributes"), i, a)
	{
		if (strcmp(text_of(a, "key"), key) == 0)
			return json_object_get(a, "value");
	}
	fail_msg("no attribute %s", key);
	return NULL;
}

static void attributes_and_links(void **state)
{
	(void)state;
	struct span_start root = span_root(random_bits, 5, 5);
	struct span *s = span_end(&root, SPAN_INTERNAL, "x", 6);
	char longer[SPAN_TEXT_MOST + 40];
	memset(longer, 'a', sizeof longer);
	memcpy(longer + SPAN_TEXT_MOST - 1, "\xc3\xa4", 2);
	span_text(s, "quoted", "a\"b\\\n\x01", 6);
	span_text(s, "utf8", "\xc3\xa4", 2);
	span_text(s, "foreign", "a\xff\xc3", 3);
	span_text(s, "long", longer, sizeof longer);
	span_text(s, "empty", "", 0);
	span_number(s, "number", INT64_MAX);
	span_number(s, "below", -1);
	span_link(s, &root.self);
	span_link(s, &root.self);
	s->failed = true;
	json_t *doc = written(s);
	assert_string_equal(
	    text_of(attribute(doc, "quoted"), "stringValue"), "a\"b\\\n\x01");
	assert_string_equal(
	    text_of(attribute(doc, "utf8"), "stringValue"), "\xc3\xa4");
	assert_string_equal(
	    text_of(attribute(doc, "foreign"), "stringValue"), "a??");
	assert_string_equal(
	    text_of(attribute(doc, "empty"), "stringValue"), "");
	assert_int_equal(strlen(text_of(attribute(doc, "long"), "stringValue")),
	    SPAN_TEXT_MOST - 1);
	assert_string_equal(text_of(attribute(doc, "number"), "intValue"),
	    "9223372036854775807");
	assert_string_equal(text_of(attribute(doc, "below"), "intValue"), "-1");
	const json_t *links = json_object_get(doc, "links");
	assert_int_equal(json_array_size(links), 2);
	assert_string_equal(text_of(json_array_get(links, 1), "traceId"),
	    "112233445566778899aabbccddeeff00");
	assert_int_equal(json_integer_value(json_object_get(
			     json_object_get(doc, "status"), "code")),
	    2);
	json_decref(doc);
	span_free(&s);
}

static void long_names_are_cut(void **state)
{
	(void)state;
	char name[2 * SPAN_NAME];
	memset(name, 'n', sizeof name);
	name[sizeof name - 1] = '\0';
	struct span_start root = span_root(random_bits, 5, 5);
	struct span *s = span_end(&root, SPAN_CLIENT, name, 6);
	assert_int_equal(strlen(s->name), SPAN_NAME - 1);
	span_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(root_and_child),
	    cmocka_unit_test(ids_are_never_zero),
	    cmocka_unit_test(attributes_and_links),
	    cmocka_unit_test(long_names_are_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
