/* The spliced parameter: the client's members first, then ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "writer/rowset.h"

#include <string.h>

static void add(struct buf *b, const char *key, const char *body)
{
	const struct write w = {
	    .key = key,
	    .key_len = strlen(key),
	};
	const struct write *const writes = &w;
	const struct fold_change c = {
	    .writes = &writes,
	    .nwrites = 1,
	    .put = {body, strlen(body)},
	    .version = VERSION_MAX,
	    .created_at = 0,
	    .updated_at = 1763712000000001,
	};
	rowset_add(b, &c);
}

#define OURS                                                                   \
	"\"_version\":9223372036854775807,"                                    \
	"\"_created_at\":\"1970-01-01T00:00:00.000000Z\","                     \
	"\"_updated_at\":\"2025-11-21T08:00:00.000001Z\"}"

static void splices(void **state)
{
	(void)state;
	struct buf b = {0};
	rowset_begin(&b);
	add(&b, "a", "{\"value\":\"}\"}");
	add(&b, "q\"\\", "{ }");
	add(&b, "c", "{\"_key\":\"other\" }");
	rowset_end(&b);
	assert_string_equal(b.data,
	    "[{\"value\":\"}\",\"_key\":\"a\"," OURS
	    ",{\"_key\":\"q\\\"\\\\\"," OURS
	    ",{\"_key\":\"other\",\"_key\":\"c\"," OURS "]");
	rowset_begin(&b);
	rowset_end(&b);
	assert_string_equal(b.data, "[]");
	buf_free(&b);
}

static void latest_time(void **state)
{
	(void)state;
	struct buf b = {0};
	rowset_time(&b, 253402300799999999);
	assert_string_equal(b.data, "9999-12-31T23:59:59.999999Z");
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(splices),
	    cmocka_unit_test(latest_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
