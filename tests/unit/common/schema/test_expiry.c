/* When the time of a document comes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/schema/declare.h"
#include "common/schema/expiry.h"

#include <string.h>

#define DECLARED(rest)                                                         \
	"{\"name\":\"c\",\"key\":{\"type\":\"string\"},\"fields\":{\"at\":"    \
	"{\"type\":\"string\",\"format\":\"date-time\",\"nullable\":true}"     \
	"}" rest "}"

static void of_documents(void **state)
{
	static const char text[] = DECLARED(",\"expires\":\"at\"");
	static const struct {
		const char *doc;
		wall_us_t time;
	} cases[] = {
	    {"{\"key\":\"k\",\"at\":\"1970-01-01T00:00:01.000002Z\"}", 1000002},
	    {"{\"at\":\"1970-01-01T02:00:00+02:00\"}", 0},
	    {"{\"at\":\"1970-01-01\\u005400:00:01Z\"}", 1000000},
	    {"{\"at\":\"1969-12-31T23:59:59Z\"}", -1000000},
	    {"{\"at\":null}", EXPIRY_NEVER},
	    {"{\"at\":\"infinity\"}", EXPIRY_NEVER},
	    {"{\"at\":\"\"}", EXPIRY_NEVER},
	    {"{\"at\":5}", EXPIRY_NEVER},
	    {"{\"key\":\"at\"}", EXPIRY_NEVER},
	    {"{}", EXPIRY_NEVER},
	};
	struct declare_fault fault;
	(void)state;
	struct declaration *d = declare(text, strlen(text), "c", &fault);
	assert_non_null(d);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_true(expiry_of(declaration_collection(d), cases[i].doc,
				strlen(cases[i].doc)) == cases[i].time);
	declaration_free(&d);
}

static void of_a_collection_without(void **state)
{
	static const char text[] = DECLARED(""),
			  doc[] = "{\"at\":\"1970-01-01T00:00:01Z\"}";
	struct declare_fault fault;
	(void)state;
	struct declaration *d = declare(text, strlen(text), "c", &fault);
	assert_non_null(d);
	assert_true(expiry_of(declaration_collection(d), doc, strlen(doc)) ==
		    EXPIRY_NEVER);
	declaration_free(&d);
}

static void from_its_time_on(void **state)
{
	(void)state;
	assert_false(expiry_is_over(1000, 999));
	assert_true(expiry_is_over(1000, 1000));
	assert_true(expiry_is_over(1000, 1001));
	assert_false(expiry_is_over(EXPIRY_NEVER, INT64_MAX - 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(of_documents),
	    cmocka_unit_test(of_a_collection_without),
	    cmocka_unit_test(from_its_time_on),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
