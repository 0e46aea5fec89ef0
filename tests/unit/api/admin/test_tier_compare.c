/* The verdicts of GET /inspect, as a table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/admin/tier_compare.h"

#include <string.h>

struct held {
	version_t version, as_of;
	const char *doc; /* NULL: absent */
};

static struct value *value_of(const struct held *h)
{
	if (h == NULL)
		return NULL;
	return value_new(
	    h->version, h->as_of, h->doc, h->doc ? strlen(h->doc) : 0);
}

#define HELD(...) (&(const struct held){__VA_ARGS__})

static void table(void **state)
{
	(void)state;
	const struct {
		const struct held *tier;
		version_t floor, through;
		const struct held *primary;
		const char *verdict;
	} rows[] = {
	    {NULL, 10, 20, HELD(5, 20, "a"), "none"},
	    {HELD(5, 12, "a"), 10, 20, HELD(5, 20, "a"), "current"},
	    {HELD(5, 10, "a"), 10, 20, HELD(5, 20, "a"), "current"},
	    {HELD(0, 12, NULL), 10, 20, HELD(0, 20, NULL), "current"},
	    /* the floor rules, whatever it is */
	    {HELD(5, 9, "a"), 10, 20, HELD(5, 20, "a"), "behind"},
	    {HELD(5, 9, "a"), 10, 20, NULL, "behind"},
	    {HELD(5, 99, "a"), UINT64_MAX, 0, HELD(5, 20, "a"), "behind"},
	    {HELD(5, 12, "a"), 10, 20, NULL, "unchecked"},
	    /* a commit, a delete, an insert, not heard of yet */
	    {HELD(5, 12, "a"), 10, 20, HELD(21, 25, "b"), "pending"},
	    {HELD(5, 12, "a"), 10, 20, HELD(0, 25, NULL), "pending"},
	    {HELD(0, 12, NULL), 10, 20, HELD(21, 25, "b"), "pending"},
	    /* heard of, and still no floor above it */
	    {HELD(5, 12, "a"), 10, 20, HELD(15, 20, "b"), "stale"},
	    {HELD(5, 12, "a"), 10, 20, HELD(0, 20, NULL), "stale"},
	    {HELD(0, 12, NULL), 10, 20, HELD(0, 20, "b"), "stale"},
	    /* the same version, other bytes */
	    {HELD(5, 12, "a"), 10, 20, HELD(5, 20, "b"), "changed"},
	    {HELD(5, 12, "a"), 10, 20, HELD(5, 20, "ab"), "changed"},
	    /* a failover that lost commits */
	    {HELD(15, 16, "b"), 16, 20, HELD(5, 12, "a"), "ahead"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct value *v = value_of(rows[i].tier);
		struct value *primary = value_of(rows[i].primary);
		assert_string_equal(
		    tier_compare_name(tier_compare_of(
			v, rows[i].floor, rows[i].through, primary)),
		    rows[i].verdict);
		value_unref(&v);
		value_unref(&primary);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(table),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
