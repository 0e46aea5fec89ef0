/* The command line: every form, and every fault. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/daemon/arguments.h"

#include <string.h>

struct settings {
	struct common_settings common;
	char *colour;
};

static const struct setting rows[] = {
    {SETTING_STRING, offsetof(struct settings, colour), "own.colour", "red", "",
	"own.hue", "Which."},
};

static struct settings s;
static struct config c;
static bool migrate;
static const char *taken;
static struct faults faults;
static struct arguments a;

static void take(void *arg, const char *value)
{
	(void)arg;
	taken = value;
}

static int setup(void **state)
{
	(void)state;
	s = (struct settings){0};
	config_init(&c, &s, rows, 1);
	c.has_limits = true;
	migrate = false;
	taken = NULL;
	faults = (struct faults){0};
	a = (struct arguments){0};
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arguments_free(&a);
	config_free(&c);
	return 0;
}

static void read_all(int n, ...)
{
	static const struct daemon_flag flags[] = {
	    {"migrate", &migrate, "Makes tables."}};
	static const struct daemon_option options[] = {
	    {"adopt", "TABLE", take, NULL, "Prints a declaration."}};
	const struct daemon_spec spec = {.name = "test",
	    .config = &c,
	    .flags = flags,
	    .nflags = 1,
	    .options = options,
	    .noptions = 1};
	char *argv[16] = {(char *)(uintptr_t) "test"};
	va_list list;
	va_start(list, n);
	for (int i = 0; i < n; i++)
		argv[1 + i] = va_arg(list, char *);
	va_end(list);
	arguments_read(&a, &spec, n + 1, argv, &faults);
	arguments_apply(&a, &c, &faults);
}

static void fault(size_t i, const char *text)
{
	assert_true(i < faults.n);
	assert_string_equal(faults.all[i].msg, text);
}

static void values(void **state)
{
	(void)state;
	read_all(9, "--own.colour=blue", "--log-level", "debug",
	    "--redis.url=redis://h", "--kafka.linger.ms", "5",
	    "--limit.read-only=1/s", "--adopt", "shop.orders");
	assert_int_equal(faults.n, 0);
	assert_string_equal(s.colour, "blue");
	assert_string_equal(s.common.log_level, "debug");
	assert_string_equal(s.common.redis_url, "redis://h");
	assert_int_equal(c.kafka.n, 1);
	assert_int_equal(c.limits.n, 1);
	assert_string_equal(taken, "shop.orders");
}

static void a_value_may_have_dashes_and_equals(void **state)
{
	(void)state;
	read_all(3, "--own.colour", "-5", "--adopt=a=b");
	assert_int_equal(faults.n, 0);
	assert_string_equal(s.colour, "-5");
	assert_string_equal(taken, "a=b");
	read_all(1, "--own.colour=");
	assert_string_equal(s.colour, "");
}

static void the_last_one_counts(void **state)
{
	(void)state;
	read_all(3, "--own.colour=a", "--own.colour", "b");
	assert_int_equal(faults.n, 0);
	assert_string_equal(s.colour, "b");
}

static void commands(void **state)
{
	(void)state;
	read_all(6, "--config", "file", "--check-config", "--print-docs=config",
	    "--probe", "--migrate");
	assert_int_equal(faults.n, 0);
	assert_string_equal(a.file, "file");
	assert_true(a.check && migrate && !a.help && !a.version);
	assert_string_equal(a.docs, "config");
	assert_string_equal(a.probe, "readyz");
	read_all(3, "--probe=livez", "--version", "-h");
	assert_string_equal(a.probe, "livez");
	assert_true(a.help && a.version);
	assert_int_equal(faults.n, 0);
}

static void faults_of_all_kinds(void **state)
{
	(void)state;
	read_all(9, "--migrat", "--own.colur", "a secret", "nonsense", "-x",
	    "--redis.ulr=redis://secret", "--gibberish", "--migrate=yes",
	    "--own.colour");
	fault(0, "unknown argument '--migrat'; did you mean '--migrate'? "
		 "(--help lists all)");
	fault(1, "unknown setting 'own.colur'; did you mean 'own.colour'? "
		 "(--help lists all)");
	fault(2, "unknown argument 'nonsense' (--help lists all)");
	fault(3, "unknown argument '-x' (--help lists all)");
	fault(4, "unknown setting 'redis.ulr'; did you mean 'redis.url'? "
		 "(--help lists all)");
	fault(5, "unknown argument '--gibberish' (--help lists all)");
	fault(6, "argument '--migrate': it takes no value (--help)");
	fault(7, "argument '--own.colour': expected --own.colour VALUE "
		 "(--help)");
	assert_int_equal(faults.n, 8);
}

static void values_that_are_missing(void **state)
{
	(void)state;
	read_all(4, "--adopt", "--config", "--print-docs", "--check-config=x");
	fault(0, "argument '--adopt': expected --adopt TABLE (--help)");
	fault(1, "argument '--config': expected --config FILE (--help)");
	fault(2, "argument '--print-docs': expected --print-docs "
		 "config|metrics|events (--help)");
	fault(3, "argument '--check-config': it takes no value (--help)");
}

static void bad_values_are_all_told(void **state)
{
	(void)state;
	read_all(2, "--log.level=loud", "--log.partitions=0");
	assert_int_equal(faults.n, 2);
	assert_non_null(strstr(faults.all[0].msg, "'log.level'"));
	assert_non_null(strstr(faults.all[1].msg, "'log.partitions'"));
}

static void former_names(void **state)
{
	(void)state;
	read_all(2, "--own.hue", "green");
	assert_int_equal(faults.n, 0);
	assert_string_equal(s.colour, "green");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(values),
	    TEST(a_value_may_have_dashes_and_equals),
	    TEST(the_last_one_counts),
	    TEST(commands),
	    TEST(faults_of_all_kinds),
	    TEST(values_that_are_missing),
	    TEST(bad_values_are_all_told),
	    TEST(former_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
