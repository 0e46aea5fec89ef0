/* A line as JSON: the same fields as its logfmt, whatever their values are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/log.h"
#include "common/base/log_json.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Owned: the members that the text gives, without the comma in front. */
__attribute__((format(printf, 1, 2))) static char *members(
    const char *fields, ...)
{
	char text[4096];
	va_list ap;
	va_start(ap, fields);
	int n = vsnprintf(text, sizeof text, fields, ap);
	va_end(ap);
	assert_true(n >= 0 && n < (int)sizeof text);
	struct buf out = {0};
	log_json_fields(&out, fields, text, (size_t)n);
	assert_true(out.len > 0 && out.data[0] == ',');
	buf_drop(&out, 1);
	return buf_take(&out, NULL);
}

#define MEMBERS(want, ...)                                                     \
	do {                                                                   \
		char *got_ = members(__VA_ARGS__);                             \
		assert_string_equal(got_, want);                               \
		free(got_);                                                    \
	} while (0)

static void numbers(void **state)
{
	(void)state;
	MEMBERS("\"a\":1,\"b\":-2,\"c\":3", "a=%d b=%d c=%u", 1, -2, 3U);
	MEMBERS("\"n\":18446744073709551615", "n=%" PRIu64, UINT64_MAX);
	MEMBERS("\"n\":-9223372036854775808,\"z\":0", "n=%" PRId64 " z=%zu",
	    INT64_MIN, (size_t)0);
	MEMBERS("\"n\":5,\"m\":6", "n=%lld m=%ld", 5LL, 6L);
	/* What is more than a number is a string, whatever its value is. */
	MEMBERS("\"shape\":\"00000000000000ff\"", "shape=%016" PRIx64,
	    (uint64_t)255);
	MEMBERS("\"v\":\"12\"", "v=%d%s", 12, "");
	MEMBERS(
	    "\"v\":\"12(deleted)\",\"w\":1", "v=%d%s w=%d", 12, "(deleted)", 1);
	MEMBERS("\"code\":\"23505\"", "code=%s", "23505");
}

static void strings(void **state)
{
	(void)state;
	MEMBERS("\"a\":\"\",\"b\":\"x\"", "a=%s b=%s", "", "x");
	MEMBERS(
	    "\"a\":\"one two\",\"b\":7", "a=%s b=%d", log_quote("one two"), 7);
	MEMBERS("\"a\":\"say \\\"hi\\\" \\\\ b=2\",\"b\":3", "a=%s b=%d",
	    log_quote("say \"hi\" \\ b=2"), 3);
	MEMBERS("\"text\":\"as it is, with %\"", "text=\"as it is, with %%\"");
	MEMBERS("\"c\":\"set --topic t on\",\"d\":\"x\"",
	    "c=\"set --topic %s on\" d=%s", "t", "x");
	/* Bare values with blanks, as a name of a group may be. */
	MEMBERS("\"a\":\"one two\",\"b\":\"x=y z=\"", "a=%s b=%s", "one two",
	    "x=y z=");
	MEMBERS("\"a\":\"say \\\"\",\"b\":1", "a=%s b=%d", "say \"", 1);
	MEMBERS("\"h\":\"h\xc3\xa9\"", "h=%s", log_quote("h\xc3\xa9"));
	MEMBERS("\"h\":\"\xef\xbf\xbd(\xef\xbf\xbd\"", "h=%s",
	    log_quote("\xc3(\xff"));
}

/* The length limit may fall anywhere: what there is stays JSON. */
static void cut(void **state)
{
	(void)state;
	static const char fields[] = "n=%d text=%s to=%s m=%d";
	char text[100];
	int len = snprintf(text, sizeof text, fields, -12,
	    log_quote("a \\ \"b\" \xf0\x9f\x8c\x8a"), "there", 34);
	for (size_t n = 0; n <= (size_t)len; n++) {
		struct buf out = {0};
		char *end = strndup(text, n); /* a byte more is noticed */
		buf_str(&out, "{\"first\":1");
		log_json_fields(&out, fields, end, n);
		buf_str(&out, "}");
		json_t *got =
		    json_loads(out.data, JSON_REJECT_DUPLICATES, NULL);
		assert_non_null(got);
		json_decref(got);
		free(end);
		buf_free(&out);
	}
}

static void no_fields(void **state)
{
	(void)state;
	struct buf out = {0};
	log_json_fields(&out, "", "", 0);
	assert_int_equal(out.len, 0);
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(numbers),
	    cmocka_unit_test(strings),
	    cmocka_unit_test(cut),
	    cmocka_unit_test(no_fields),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
