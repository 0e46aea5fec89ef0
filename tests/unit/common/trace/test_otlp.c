/* The request to a collector, and what its answers mean. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/trace/otlp.h"

#include <jansson.h>
#include <string.h>

static json_t *at(json_t *doc, const char *name)
{
	json_t *list = json_object_get(doc, name);
	assert_true(json_is_array(list));
	return json_array_get(list, 0);
}

static void makes_a_request(void **state)
{
	const uint64_t random[3] = {1, 2, 3};
	const struct otlp_resource r = {"sluice-api", "1.2", "ab", "h\"ost"};
	struct span_start start = span_root(random, 10, 10);
	struct span *spans[] = {span_end(&start, SPAN_SERVER, "a", 11),
	    span_end(&start, SPAN_CLIENT, "b", 12)};
	struct buf text = {0};
	(void)state;
	otlp_request(&text, &r, spans, 2);
	json_t *doc =
	    json_loadb(text.data, text.len, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(doc);
	json_t *resource = at(doc, "resourceSpans");
	json_t *attributes = json_object_get(
	    json_object_get(resource, "resource"), "attributes");
	assert_int_equal(json_array_size(attributes), 4);
	const char *key, *value;
	assert_int_equal(
	    json_unpack(json_array_get(attributes, 3), "{s:s,s:{s:s}}", "key",
		&key, "value", "stringValue", &value),
	    0);
	assert_string_equal(key, "host.name");
	assert_string_equal(value, "h\"ost");
	json_t *list = json_object_get(at(resource, "scopeSpans"), "spans");
	assert_int_equal(json_array_size(list), 2);
	assert_string_equal(
	    json_string_value(json_object_get(json_array_get(list, 1), "name")),
	    "b");
	json_decref(doc);
	buf_free(&text);
	span_free(&spans[0]);
	span_free(&spans[1]);
}

/* Of the failures, the specification lets four be repeated. */
static void judges_a_status(void **state)
{
	(void)state;
	for (int status = 100; status < 600; status++) {
		enum otlp_verdict want =
		    status >= 200 && status < 300 ? OTLP_TAKEN : OTLP_REFUSED;
		if (status == 429 || status == 502 || status == 503 ||
		    status == 504)
			want = OTLP_AGAIN;
		assert_int_equal(otlp_judge(status), want);
	}
}

static void counts_what_is_rejected(void **state)
{
	static const struct {
		const char *answer;
		size_t rejected;
		const char *why;
	} of[] = {
	    {"", 0, ""},
	    {"{}", 0, ""},
	    {"no JSON", 0, ""},
	    {"[]", 0, ""},
	    {"{\"partialSuccess\":{}}", 0, ""},
	    {"{\"partialSuccess\":7}", 0, ""},
	    {"{\"partialSuccess\":{\"rejectedSpans\":\"3\","
	     "\"errorMessage\":\"too old\"}}",
		3, "too old"},
	    {"{\"partialSuccess\":{\"rejectedSpans\":2}}", 2, ""},
	    {"{\"partialSuccess\":{\"rejectedSpans\":\"99\"}}", 5, ""},
	    {"{\"partialSuccess\":{\"rejectedSpans\":-1}}", 0, ""},
	    {"{\"partialSuccess\":{\"errorMessage\":\"slow down\"}}", 0,
		"slow down"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
		struct buf answer = {0}, why = {0};
		buf_str(&answer, of[i].answer);
		assert_int_equal(
		    otlp_rejected(&answer, 5, &why), of[i].rejected);
		assert_string_equal(why.data ? why.data : "", of[i].why);
		buf_free(&answer);
		buf_free(&why);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(makes_a_request),
	    cmocka_unit_test(judges_a_status),
	    cmocka_unit_test(counts_what_is_rejected),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
