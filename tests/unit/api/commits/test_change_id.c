/* Ids of events: what is written is read, and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/commits/change_id.h"

#include <string.h>

#define MOST ((version_t)INT64_MAX)

static void round_trip(void **state)
{
	(void)state;
	static const struct change_place places[3] = {
	    {0, 0}, {42, 7041}, {MOST - 1, INT64_MAX - 1}};
	for (int32_t n = 1; n <= 3; n++) {
		struct change_place got[3];
		struct buf id = {0};
		change_id_write(&id, 32767, places, n);
		assert_int_equal(
		    change_id_parse(id.data, 32767, got, n), CHANGE_ID_GOOD);
		for (int32_t p = 0; p < n; p++) {
			assert_int_equal(got[p].watermark, places[p].watermark);
			assert_int_equal(got[p].offset, places[p].offset);
		}
		assert_int_equal(
		    change_id_parse(id.data, 0, got, n), CHANGE_ID_OTHER);
		buf_free(&id);
	}
}

static void others(void **state)
{
	(void)state;
	static const struct {
		const char *id;
		enum change_id want;
	} table[] = {
	    {"3.1-2.4-5", CHANGE_ID_GOOD},
	    {"3.1-2", CHANGE_ID_OTHER},
	    {"3.1-2.4-5.6-7", CHANGE_ID_OTHER},
	    {"2.1-2.4-5", CHANGE_ID_OTHER},
	    {"4.1-2.4-5", CHANGE_ID_OTHER},
	    {"4294967299.1-2.4-5", CHANGE_ID_OTHER},
	    {"", CHANGE_ID_MALFORMED},
	    {"3", CHANGE_ID_MALFORMED},
	    {"3.", CHANGE_ID_MALFORMED},
	    {"3..", CHANGE_ID_MALFORMED},
	    {".1-2.4-5", CHANGE_ID_MALFORMED},
	    {"3.1-2.4", CHANGE_ID_MALFORMED},
	    {"3.1-2.4-", CHANGE_ID_MALFORMED},
	    {"3.1-2.-5", CHANGE_ID_MALFORMED},
	    {"3.1-2.4-5.", CHANGE_ID_MALFORMED},
	    {"3.1-2.4-5x", CHANGE_ID_MALFORMED},
	    {"3.1-2.4-5 ", CHANGE_ID_MALFORMED},
	    {" 3.1-2.4-5", CHANGE_ID_MALFORMED},
	    {"3.1-2.4--5", CHANGE_ID_MALFORMED},
	    {"3.1-2.04-5", CHANGE_ID_MALFORMED},
	    {"3.1.2-4.5", CHANGE_ID_MALFORMED},
	    {"3.1-2.4-9223372036854775808", CHANGE_ID_MALFORMED},
	};
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		struct change_place places[2];
		if (change_id_parse(table[i].id, 3, places, 2) != table[i].want)
			fail_msg("%s", table[i].id);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(round_trip),
	    cmocka_unit_test(others),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
