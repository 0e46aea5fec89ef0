/* What an owner writes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/write/own_document.h"
#include "common/schema/declare.h"

#include <string.h>

static void what_an_owner_writes(void **state)
{
	static const char text[] =
	    "{\"name\":\"c\",\"key\":{\"type\":\"string\"},"
	    "\"fields\":{\"who\":{\"type\":\"string\",\"nullable\":true}},"
	    "\"access\":{\"customer\":[\"read\"]},"
	    "\"owner\":{\"field\":\"who\",\"for\":[\"customer\"]}}";
	static const struct {
		const char *doc;
		bool whole;
		enum own_document is;
		const char *out;
	} cases[] = {
	    {"{\"a\":1}", true, OWN_FILLED, "{\"who\":\"a\\\"b\",\"a\":1}"},
	    {" {} ", true, OWN_FILLED, "{\"who\":\"a\\\"b\"}"},
	    {"{\"a\":1}", false, OWN_AS_IS, ""},
	    {"{\"who\":\"a\\\"b\"}", true, OWN_AS_IS, ""},
	    {"{\"who\":\"a\\\"b\"}", false, OWN_AS_IS, ""},
	    {"{\"who\":\"b\"}", true, OWN_FOREIGN, ""},
	    {"{\"who\":\"b\"}", false, OWN_FOREIGN, ""},
	    {"{\"who\":null}", false, OWN_FOREIGN, ""},
	    {"{\"who\":null}", true, OWN_FOREIGN, ""},
	    {"{\"who\":{}}", true, OWN_FOREIGN, ""},
	    /* Of two members only one is right. */
	    {"{\"who\":\"a\\\"b\",\"who\":\"b\"}", true, OWN_FOREIGN, ""},
	    {"{\"who\":\"b\",\"who\":\"a\\\"b\"}", true, OWN_FOREIGN, ""},
	    {"{\"wh\\u006f\":\"b\"}", true, OWN_FOREIGN, ""},
	    {"[]", true, OWN_AS_IS, ""},
	    {"{\"who\":", true, OWN_AS_IS, ""},
	    {"", true, OWN_AS_IS, ""},
	};
	struct declare_fault fault;
	(void)state;
	struct declaration *d = declare(text, strlen(text), "c", &fault);
	assert_non_null(d);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct buf out = {0};
		buf_str(&out, "");
		assert_int_equal(
		    own_document(declaration_collection(d), cases[i].whole,
			cases[i].doc, strlen(cases[i].doc), "a\"b", &out),
		    cases[i].is);
		assert_string_equal(out.data, cases[i].out);
		buf_free(&out);
	}
	declaration_free(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_an_owner_writes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
