/* Documents that are older than a renaming. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/log/renamed.h"
#include "common/schema/declare.h"

#include <string.h>

#define FIELDS(b, d)                                                           \
	"{\"name\":\"c\",\"key\":{\"type\":\"string\"},\"fields\":{"           \
	"\"b\":{\"type\":\"integer\",\"nullable\":true" b "},"                 \
	"\"d\":{\"type\":\"integer\",\"nullable\":true" d "}}}"

static const struct {
	const char *text, *wanted; /* NULL: it has no former name */
} documents[] = {
    {"{}", NULL},
    {"{\"b\":1,\"d\":2}", NULL},
    {"{\"x\":{\"a\":1}}", NULL},
    {"[\"a\"]", NULL},
    {"{\"a\":1", NULL},
    {"", NULL},
    {"{\"a\":1}", "{\"b\":1}"},
    {"{\"\\u0061\": 1 }", "{\"b\":1}"},
    {"{\"key\":\"k\",\"a\":null, \"d\":2,\"x\":[1]}",
	"{\"key\":\"k\",\"b\":null,\"d\":2,\"x\":[1]}"},
    {"{\"c\":3,\"a\":1}", "{\"d\":3,\"b\":1}"},
    /* The document is older than the renaming, so b was another field. */
    {"{\"b\":1,\"a\":2}", "{\"b\":2}"},
    {"{\"a\":2,\"b\":1,\"d\":3}", "{\"b\":2,\"d\":3}"},
    /* Of members with equal names the last one counts, as elsewhere. */
    {"{\"a\":1,\"a\":2}", "{\"b\":1,\"b\":2}"},
};

static struct declaration *declared(const char *text)
{
	struct declare_fault fault;
	struct declaration *d = declare(text, strlen(text), "c", &fault);
	assert_non_null(d);
	return d;
}

static void former_names(void **state)
{
	(void)state;
	struct declaration *d =
	    declared(FIELDS(",\"was\":\"a\"", ",\"was\":\"c\""));
	const struct collection *c = declaration_collection(d);
	for (size_t i = 0; i < sizeof documents / sizeof *documents; i++) {
		struct buf out = {0};
		const char *text = documents[i].text;
		assert_int_equal(renamed_document(&out, c, text, strlen(text)),
		    documents[i].wanted != NULL);
		if (documents[i].wanted)
			assert_string_equal(out.data, documents[i].wanted);
		else
			assert_int_equal(out.len, 0);
		buf_free(&out);
	}
	assert_ptr_equal(renamed_field(c, "a", 1), &c->fields[0]);
	assert_ptr_equal(renamed_field(c, "c", 1), &c->fields[1]);
	assert_null(renamed_field(c, "b", 1));
	assert_null(renamed_field(c, "", 0));
	declaration_free(&d);
}

static void without_a_former_name(void **state)
{
	(void)state;
	struct declaration *d = declared(FIELDS("", ""));
	const struct collection *c = declaration_collection(d);
	struct buf out = {0};
	assert_false(renamed_document(&out, c, "{\"a\":1}", 7));
	assert_null(renamed_field(c, "a", 1));
	buf_free(&out);
	declaration_free(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(former_names),
	    cmocka_unit_test(without_a_former_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
