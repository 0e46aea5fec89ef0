/* Every setting of sluice-api, and what no single row can say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/core/settings.h"
#include "tests/unit/common/setting_rows.h"

static struct api_settings s;
static struct config c;

static int setup(void **state)
{
	(void)state;
	s = (struct api_settings){0};
	config_init(&c, &s, api_setting_rows, api_setting_count);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	config_free(&c);
	return 0;
}

static void every_row(void **state)
{
	(void)state;
	assert_true(api_setting_count > 0);
	for (size_t i = 0; i < api_setting_count; i++) {
		const struct setting *row = &api_setting_rows[i];
		row_check(&c, row);
		row_check_variables(&c, row);
		assert_true(row->help[0] != '\0');
		assert_null(strchr(row->name, '-'));
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(
			    row->name, api_setting_rows[k].name);
	}
}

/* The names that the two seeds use, each for what it means there. */
static void seeds_names(void **state)
{
	(void)state;
	char *env[] = {(char *)(uintptr_t) "L1_CACHE_SIZE=77",
	    (char *)(uintptr_t) "L1_CACHE_TTL=5",
	    (char *)(uintptr_t) "CACHE_TTL=7",
	    (char *)(uintptr_t) "DB_POOL_MIN_SIZE=3",
	    (char *)(uintptr_t) "DB_POOL_MAX_SIZE=9",
	    (char *)(uintptr_t) "REPLICA_DATABASE_URL=postgresql://r/x",
	    (char *)(uintptr_t) "PRIMARY_DATABASE_URL=postgresql://p/x",
	    (char *)(uintptr_t) "REDIS_URL=redis://h", NULL};
	struct faults f_env = {0};
	config_load_env(&c, env, &f_env);
	assert_int_equal(f_env.n, 0);
	assert_int_equal(s.l1_entries, 77);
	assert_true(s.l1_ttl == CLOCK_S(5)); /* bare numbers are seconds */
	assert_true(s.l2_ttl == CLOCK_S(7));
	assert_int_equal(s.pool_min, 3);
	assert_int_equal(s.pool_max, 9);
	assert_string_equal(s.replica_urls, "postgresql://r/x");
	assert_string_equal(s.common.primary_url, "postgresql://p/x");
	assert_string_equal(s.common.redis_url, "redis://h");
	char *newer[] = {(char *)(uintptr_t) "DATABASE_URL=postgresql://d/x",
	    (char *)(uintptr_t) "L2_CACHE_TTL=11", NULL};
	struct faults f_newer = {0};
	config_load_env(&c, newer, &f_newer);
	assert_int_equal(f_newer.n, 0);
	assert_string_equal(s.common.primary_url, "postgresql://d/x");
	assert_true(s.l2_ttl == CLOCK_S(11));
}

static void together(void **state)
{
	(void)state;
	assert_int_equal(api_settings_check(&c).kind, ERR_KIND_OK);
	row_accepts(&c, "pool.min_size", "10");
	assert_int_equal(api_settings_check(&c).kind, ERR_KIND_OK);
	row_accepts(&c, "pool.min_size", "11");
	struct err e = api_settings_check(&c);
	assert_int_equal(e.kind, ERR_KIND_FATAL);
	assert_non_null(strstr(e.msg, "'pool.min_size'"));
	assert_non_null(strstr(e.msg, "pool.max_size, which is 10"));
	row_accepts(&c, "pool.max_size", "11");
	assert_int_equal(api_settings_check(&c).kind, ERR_KIND_OK);
	static const char *const urls[] = {
	    "postgresql://a:hunter2@h/x?non=sense",
	    "postgresql://a:hunter2@[h/x", "postgresql://a:hunter2@h:%zz/x",
	    "host=h password='hunter2"};
	for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
		row_accepts(&c, "replica.urls", urls[i]);
		e = api_settings_check(&c);
		assert_int_equal(e.kind, ERR_KIND_FATAL);
		assert_non_null(strstr(e.msg, "'replica.urls'"));
		assert_null(strstr(e.msg, "hunter2"));
	}
	row_accepts(&c, "replica.urls", "postgresql://a:b@h1,h2:5/x");
	assert_int_equal(api_settings_check(&c).kind, ERR_KIND_OK);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(every_row),
	    TEST(seeds_names),
	    TEST(together),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
