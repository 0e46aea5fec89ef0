#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/json/jsonwalk.h"

#include <string.h>

/* A letter for each token, as the enumerators are in order. */
static void walks(void **state)
{
	(void)state;
	static const char letters[] = " OACNS#W";
	static const struct {
		const char *text, *tokens;
	} cases[] = {
	    {"1", "#"},
	    {" null ", "W"},
	    {"\"a:b\"", "S"},
	    {"{}", "OC"},
	    {"[[],[ ]]", "AACACC"},
	    {"{\"a\" : \"b\" , \"c\":[-1.5e+3,true,\"\\\"\"]}", "ONSNA#WSCC"},
	    {"[\"\\\\\",\"x\"]", "ASSC"},
	    {"{\"\":{\"}\":0}}", "ONON#CC"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const char *text = cases[i].text;
		struct jsonwalk w = {.at = text, .end = text + strlen(text)};
		char found[32] = "";
		size_t n = 0;
		enum jsonwalk_token t;
		while ((t = jsonwalk_next(&w)) != JSONWALK_END)
			found[n++] = letters[t];
		assert_string_equal(found, cases[i].tokens);
	}
}

static void says_the_bytes(void **state)
{
	(void)state;
	const char *text = "{\"n\\\"\":-12.5e3 }";
	struct jsonwalk w = {.at = text, .end = text + strlen(text)};
	static const char *const want[] = {"{", "\"n\\\"\"", "-12.5e3", "}"};
	for (size_t i = 0; i < 4; i++) {
		assert_true(jsonwalk_next(&w) != JSONWALK_END);
		assert_int_equal(w.token.len, strlen(want[i]));
		assert_memory_equal(w.token.s, want[i], w.token.len);
	}
	assert_int_equal(jsonwalk_next(&w), JSONWALK_END);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(walks),
	    cmocka_unit_test(says_the_bytes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
