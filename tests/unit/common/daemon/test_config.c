/* Configuration: every row of the tables, the sources, the error texts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/daemon/faults.h"
#include "common/kafka/kafka.h"
#include "tests/unit/common/setting_rows.h"

#include <jansson.h>
#include <unistd.h>

/* Rows of our own: the kinds and shapes that the tables do not have. */
struct settings {
	struct common_settings common;
	bool loud;
	char *colour;
	char *listen;
	int64_t level;
};

static const struct setting own_rows[] = {
    {SETTING_BOOL, offsetof(struct settings, loud), "own.loud", "false", "",
	"LOUD", "Whether."},
    {SETTING_CHOICE, offsetof(struct settings, colour), "own.colour", "red",
	"red|dark_green|blue", "COLOUR own.hue my.paint_colour COLOR",
	"Which."},
    {SETTING_ADDRESS, offsetof(struct settings, listen), "own.listen",
	"127.0.0.1:80", "", "", "Where."},
    {SETTING_INT, offsetof(struct settings, level), "own.level", "0", "-5..5",
	"", "How far."},
};
enum { OWN_ROWS = sizeof own_rows / sizeof *own_rows };

#define SETTING(kind, field, name, def, allowed, aliases, help)                \
	SETTING_ROW(struct common_settings, kind, field, name, def, allowed,   \
	    aliases, help)
static const struct setting common_rows[] = {
#include "common/daemon/settings.def"
};
#undef SETTING
enum { COMMON_ROWS = sizeof common_rows / sizeof *common_rows };

static struct settings s;
static struct config c;

static struct err load_env(char **env)
{
	struct faults f = {0};
	config_load_env(&c, env, &f);
	return faults_first(&f);
}

static struct err load_file(const char *path)
{
	struct faults f = {0};
	config_load_file(&c, path, &f);
	return faults_first(&f);
}

static int setup(void **state)
{
	(void)state;
	s = (struct settings){0};
	config_init(&c, &s, own_rows, OWN_ROWS);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	config_free(&c);
	assert_null(c.kafka.all);
	return 0;
}

static const struct setting *row_at(size_t i)
{
	return i < COMMON_ROWS ? &common_rows[i] : &own_rows[i - COMMON_ROWS];
}

static void shows(const struct setting *row, const char *text)
{
	row_shows(&c, row, text);
}

static void accepts(const char *name, const char *value)
{
	row_accepts(&c, name, value);
}

static void refuses(const struct setting *row, const char *value)
{
	row_refuses(&c, row, value);
}

/* --- the tables ----------------------------------------------------------- */

static void every_row(void **state)
{
	(void)state;
	for (size_t i = 0; i < COMMON_ROWS + OWN_ROWS; i++) {
		row_check(&c, row_at(i));
		row_check_variables(&c, row_at(i));
	}
}

static void names_are_told_apart(void **state)
{
	(void)state;
	for (size_t i = 0; i < COMMON_ROWS + OWN_ROWS; i++) {
		assert_true(row_at(i)->help[0] != '\0');
		/* `--a-b` is read as a.b on the command line. */
		assert_null(strchr(row_at(i)->name, '-'));
		/* `a.file` names the file with the value of `a`. */
		assert_null(strstr(row_at(i)->name, ".file"));
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(
			    row_at(i)->name, row_at(k)->name);
	}
}

/* --- values --------------------------------------------------------------- */

static const struct setting *const loud = &own_rows[0];
static const struct setting *const colour = &own_rows[1];
static const struct setting *const address = &own_rows[2];
static const struct setting *const level = &own_rows[3];

static void booleans(void **state)
{
	(void)state;
	accepts("own.loud", "true");
	assert_true(s.loud);
	static const char *const bad[] = {"", "1", "yes", "True", "true "};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		refuses(loud, bad[i]);
	assert_true(s.loud);
	accepts("own.loud", "false");
	assert_false(s.loud);
}

static void choices(void **state)
{
	(void)state;
	static const char *const bad[] = {"re", "redd", "green", "dark", "Red",
	    "red|dark_green", "dark_green|blue", "red|", "|red"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		refuses(colour, bad[i]);
	accepts("own.colour", "dark_green");
	assert_string_equal(s.colour, "dark_green");
}

static void addresses(void **state)
{
	(void)state;
	static const char *const good[] = {
	    "*:80", "h:0", "h:65535", "0.0.0.0:8080", "[::1]:80"};
	static const char *const bad[] = {"", "h", ":80", "h:", "h:x", "h:-1",
	    "h:65536", "h:80x", "h: 80", "h:+80", "8080"};
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		accepts("own.listen", good[i]);
		assert_string_equal(s.listen, good[i]);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		refuses(address, bad[i]);
}

static void integers(void **state)
{
	(void)state;
	static const char *const bad[] = {
	    "", " 1", "1 ", "+1", "0x1", "1.0", "--1", "-", "6", "-6"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		refuses(level, bad[i]);
	accepts("own.level", "-5");
	assert_int_equal(s.level, -5);
	shows(level, "-5");
}

static void the_error_says_it(void **state)
{
	(void)state;
	struct err e = config_set(&c, "log.partitions", "1025");
	assert_string_equal(e.msg, "setting 'log.partitions' has the bad value "
				   "'1025'; allowed: 1..1024");
	e = config_set(&c, "own.loud", "no");
	assert_string_equal(e.msg, "setting 'own.loud' has the bad value 'no'; "
				   "allowed: true|false");
	e = config_set(&c, "primary.ulr", "x");
	assert_string_equal(e.msg,
	    "unknown setting 'primary.ulr'; did you mean 'primary.url'? "
	    "(--help lists all)");
	e = config_set(&c, "redis", "x");
	assert_non_null(strstr(e.msg, "did you mean 'redis.url'?"));
	/* Longer than anything that is compared. */
	char name[500];
	memset(name, 'x', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	assert_int_equal(config_set(&c, name, "x").kind, ERR_KIND_FATAL);
	assert_int_equal(config_set(&c, "", "x").kind, ERR_KIND_FATAL);
}

/* limit.<role>: only of a daemon that has them. A role may have `-` and `_`. */
static void limits_of_roles(void **state)
{
	(void)state;
	struct err e = config_set(&c, "limit.reader", "1/s");
	assert_int_equal(e.kind, ERR_KIND_FATAL);
	assert_non_null(strstr(e.msg, "unknown setting 'limit.reader'"));
	c.has_limits = true;
	assert_int_equal(
	    config_set(&c, "limit.reader", "1/s").kind, ERR_KIND_OK);
	assert_int_equal(
	    config_set(&c, "limit.read-only", "2/s").kind, ERR_KIND_OK);
	char *env[] = {(char *)(uintptr_t) "SLUICE_LIMIT_MY_ROLE=3/s",
	    (char *)(uintptr_t) "SLUICE_LIMIT_READER=4/s", NULL};
	assert_int_equal(load_env(env).kind, ERR_KIND_OK);
	assert_int_equal(c.limits.n, 3);
	assert_string_equal(c.limits.all[0].value, "4/s");
	assert_string_equal(c.limits.all[1].name, "read-only");
	assert_string_equal(c.limits.all[2].name, "my_role");
	assert_int_equal(config_set(&c, "limit.", "1/s").kind, ERR_KIND_FATAL);
	struct buf json = {0};
	config_json(&c, &json);
	assert_non_null(strstr(json.data, "\"limit.reader\": \"4/s\""));
	buf_free(&json);
}

static void librdkafka_properties(void **state)
{
	(void)state;
	accepts("kafka.linger.ms", "5");
	accepts("kafka.sasl.password", "hunter2");
	accepts("kafka.linger.ms", "7");	   /* replaces */
	accepts("kafka.bootstrap.servers", "k:1"); /* a setting of ours */
	assert_int_equal(c.kafka.n, 2);
	assert_string_equal(c.kafka.all[0].name, "linger.ms");
	assert_string_equal(c.kafka.all[0].value, "7");
	assert_string_equal(s.common.kafka_servers, "k:1");
	assert_int_equal(config_set(&c, "kafka.", "x").kind, ERR_KIND_FATAL);
	assert_int_equal(config_set(&c, "kafka", "x").kind, ERR_KIND_FATAL);
}

/* --- sources -------------------------------------------------------------- */

static struct err load_text(const char *text)
{
	char path[] = "/tmp/sluice-config-XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	struct err e = load_file(path);
	unlink(path);
	return e;
}

static void file(void **state)
{
	(void)state;
	struct err e = load_text("# a comment\n"
				 "\n"
				 "  \t \n"
				 "own.level=3\n"
				 "  own.colour =\tblue \r\n"
				 "log.writes = a = b # c\n"
				 "log.commits =\n"
				 "kafka.linger.ms = 9");
	assert_int_equal(e.kind, ERR_KIND_OK);
	assert_int_equal(s.level, 3);
	assert_string_equal(s.colour, "blue");
	assert_string_equal(s.common.writes_topic, "a = b # c");
	assert_string_equal(s.common.commits_topic, "");
	assert_string_equal(c.kafka.all[0].value, "9");
	assert_int_equal(load_text("").kind, ERR_KIND_OK);
}

static void bad_file(void **state)
{
	(void)state;
	struct err e = load_text("own.level = 1\n\nown.level = 9\n"
				 "own.level = 2\n");
	assert_int_equal(e.kind, ERR_KIND_FATAL);
	assert_non_null(
	    strstr(e.msg, ":3: setting 'own.level' has the bad value '9'"));
	assert_int_equal(s.level, 2); /* the rest is read, for its faults */
	e = load_text("# fine\nown.level 1\n");
	assert_non_null(strstr(e.msg, ":2: expected 'name = value'"));
	e = load_text("own.lvel = 1\n");
	assert_non_null(strstr(e.msg, "did you mean 'own.level'?"));
	e = load_file("/nonexistent/sluice.conf");
	assert_int_equal(e.kind, ERR_KIND_FATAL);
	assert_non_null(strstr(e.msg, "'/nonexistent/sluice.conf'"));
	/* It can be opened: what cannot be read is not empty. */
	e = load_file("/tmp");
	assert_int_equal(e.kind, ERR_KIND_FATAL);
	assert_non_null(strstr(e.msg, "'/tmp': Is a directory"));
}

static struct err load_two(const char *first, const char *second)
{
	char *env[] = {
	    (char *)(uintptr_t)first, (char *)(uintptr_t)second, NULL};
	return load_env(env);
}

static void environment(void **state)
{
	(void)state;
	/* Sluice's own name wins over an alias, whichever comes first. */
	assert_int_equal(
	    load_two("SLUICE_OWN_COLOUR=blue", "COLOUR=red").kind, ERR_KIND_OK);
	assert_string_equal(s.colour, "blue");
	assert_int_equal(
	    load_two("COLOR=red", "SLUICE_OWN_COLOUR=dark_green").kind,
	    ERR_KIND_OK);
	assert_string_equal(s.colour, "dark_green");
	/* Others' variables are none of our business. */
	assert_int_equal(
	    load_two("COLOURS=x", "SLUIC_OWN_COLOUR=x").kind, ERR_KIND_OK);
	assert_int_equal(load_two("LOUDER=x", "LOU=x").kind, ERR_KIND_OK);
	assert_int_equal(load_two("SLUICE_STACK_DIR=x", "SLUICE_TEST_X=y").kind,
	    ERR_KIND_OK);
	assert_int_equal(load_two("SLUICE_KAFKA_LINGER_MS=3", "no-equals").kind,
	    ERR_KIND_OK);
	assert_string_equal(c.kafka.all[0].name, "linger.ms");
	assert_string_equal(c.kafka.all[0].value, "3");
	assert_int_equal(
	    load_two("SLUICE_LOG_WRITES=a=b", "SLUICE_LOG_COMMITS=").kind,
	    ERR_KIND_OK);
	assert_string_equal(s.common.writes_topic, "a=b");
	assert_string_equal(s.common.commits_topic, "");
	assert_string_equal(s.colour, "dark_green");
}

static void bad_environment(void **state)
{
	(void)state;
	struct err e = load_two("COLOUR=grey", NULL);
	assert_int_equal(e.kind, ERR_KIND_FATAL);
	assert_non_null(strstr(e.msg, "environment COLOUR: "));
	assert_non_null(strstr(e.msg, "'own.colour'"));
	e = load_two("SLUICE_OWN_COLOR=red", "SLUICE_OWN_LOUD=true");
	assert_int_equal(e.kind, ERR_KIND_FATAL);
	assert_non_null(strstr(e.msg, "did you mean 'own.colour'?"));
	assert_true(s.loud); /* the rest is read, for its faults */
	e = load_two("SLUICE_=x", NULL);
	assert_int_equal(e.kind, ERR_KIND_FATAL);
	e = load_two("SLUICE_OWN_LOUD=1", NULL);
	assert_int_equal(e.kind, ERR_KIND_FATAL);
}

/* --- former names --------------------------------------------------------- */

/* The only setting that was given under a former name. */
static void renamed(const char *name, const char *former)
{
	size_t i = 0;
	const char *given;
	int len;
	const char *now = config_renamed(&c, &i, &given, &len);
	if (name == NULL) {
		assert_null(now);
		return;
	}
	assert_non_null(now);
	assert_string_equal(now, name);
	assert_int_equal(len, strlen(former));
	assert_memory_equal(given, former, strlen(former));
	assert_null(config_renamed(&c, &i, &given, &len));
}

/* A configuration in which nothing was given. */
static void afresh(void)
{
	config_free(&c);
	s = (struct settings){0};
	config_init(&c, &s, own_rows, OWN_ROWS);
}

static void former_names(void **state)
{
	(void)state;
	accepts("own.level", "1");
	renamed(NULL, NULL);
	accepts("own.hue", "blue"); /* a flag */
	assert_string_equal(s.colour, "blue");
	renamed("own.colour", "own.hue");
	afresh();
	struct err e = load_text("my.paint_colour = dark_green\n");
	assert_int_equal(e.kind, ERR_KIND_OK);
	assert_string_equal(s.colour, "dark_green");
	renamed("own.colour", "my.paint_colour");
	/* A later source under the same name overrides it. */
	e = load_two("SLUICE_MY_PAINT_COLOUR=blue", NULL);
	assert_int_equal(e.kind, ERR_KIND_OK);
	assert_string_equal(s.colour, "blue");
	renamed("own.colour", "my.paint_colour");
	/* The reference systems' variables are below either. */
	afresh();
	e = load_two("SLUICE_OWN_HUE=blue", "COLOR=dark_green");
	assert_int_equal(e.kind, ERR_KIND_OK);
	assert_string_equal(s.colour, "blue");
	renamed("own.colour", "own.hue");
}

static void bad_former_names(void **state)
{
	(void)state;
	struct err e = config_set(&c, "own.hue", "grey");
	assert_string_equal(e.msg,
	    "setting 'own.colour' has the bad value 'grey'; allowed: "
	    "red|dark_green|blue");
	/* Variables are no settings, and former names no variables. */
	afresh();
	assert_int_equal(config_set(&c, "COLOUR", "red").kind, ERR_KIND_FATAL);
	assert_int_equal(config_set(&c, "own.hu", "red").kind, ERR_KIND_FATAL);
	assert_int_equal(
	    config_set(&c, "own.hues", "red").kind, ERR_KIND_FATAL);
	assert_int_equal(load_two("own.hue=blue", NULL).kind, ERR_KIND_OK);
	assert_string_equal(s.colour, "red");
	renamed(NULL, NULL);
}

static void under_both_names(void **state)
{
	(void)state;
	static const char told[] =
	    "setting 'own.colour' is also given under its former name "
	    "'own.hue': remove the former name";
	accepts("own.hue", "blue");
	struct err e = config_set(&c, "own.colour", "blue");
	assert_int_equal(e.kind, ERR_KIND_FATAL);
	assert_string_equal(e.code, "config");
	assert_string_equal(e.msg, told);
	afresh();
	e = load_text("own.colour = blue\nown.hue = red\n");
	assert_non_null(strstr(e.msg, ":2: "));
	assert_non_null(strstr(e.msg, told));
	/* In any two sources. */
	afresh();
	assert_int_equal(load_text("own.hue = red\n").kind, ERR_KIND_OK);
	e = load_two("SLUICE_OWN_COLOUR=red", NULL);
	assert_string_equal(e.msg, told);
	afresh();
	e = load_two("SLUICE_OWN_COLOUR=red", "SLUICE_OWN_HUE=red");
	assert_string_equal(e.msg, told);
}

/* --- what is shown -------------------------------------------------------- */

static void secrets(void **state)
{
	(void)state;
	static const struct {
		const char *url, *shown;
	} table[] = {
	    {"redis://h:6379", "redis://h:6379"},
	    {"redis://:hunter2@h", "redis://:***@h"},
	    {"redis://joe:hunter2@h/1", "redis://joe:***@h/1"},
	    {"redis://joe@h", "redis://joe@h"},
	    {"joe:hunter2@h", "joe:***@h"},
	    /* The last `@` ends the password, as redisurl.c reads it. */
	    {"redis://joe:hunter2@hunter2@h", "redis://joe:***@h"},
	    {"redis://joe:a/hunter2@h:1", "redis://joe:***@h:1"},
	    {"postgresql://a:hunter2@h1:1,h2:2/db?sslmode=require",
		"postgresql://a:***@h1:1,h2:2/db?sslmode=require"},
	    {"postgresql://h/db?user=a&password=hunter2&sslmode=x",
		"postgresql://h/db?user=a&password=***"},
	    {"postgresql://h/db?sslpassword=hunter2",
		"postgresql://h/db?sslpassword=***"},
	    {"postgresql://a:hunter2@h/db?password=hunter2",
		"postgresql://a:***@h/db?password=***"},
	    {"host=h password=hunter2 dbname=d", "host=h password=***"},
	    {"host=h password = 'my \\' hunter2' dbname=d",
		"host=h password =***"},
	    {"password='hunter2'", "password=***"},
	    {"redis://joe:my-password@h", "redis://joe:***@h"},
	    {"redis://h/?db=password", "redis://h/?db=password"},
	    {"", ""},
	};
	const struct setting *row = &common_rows[0];
	assert_int_equal(row->kind, SETTING_URL);
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		accepts(row->name, table[i].url);
		shows(row, table[i].shown);
	}
}

static const char *member(const json_t *doc, const char *name)
{
	const char *text = json_string_value(json_object_get(doc, name));
	assert_non_null(text);
	return text;
}

static void as_json(void **state)
{
	(void)state;
	accepts("log.writes", "a \"b\"\n");
	accepts("redis.url", "redis://:hunter2@h");
	accepts("kafka.linger.ms", "5");
	accepts("kafka.sasl.password", "hunter2");
	accepts("kafka.ssl.key.pem", "hunter2");
	accepts("kafka.sasl.oauthbearer.client.secret", "hunter2");
	struct buf b = {0};
	config_json(&c, &b);
	assert_null(strstr(b.data, "hunter2"));
	json_t *doc = json_loadb(b.data, b.len, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(doc);
	assert_int_equal(
	    json_object_size(doc), COMMON_ROWS + OWN_ROWS + c.kafka.n);
	for (size_t i = 0; i < COMMON_ROWS + OWN_ROWS; i++)
		shows(row_at(i), member(doc, row_at(i)->name));
	assert_string_equal(member(doc, "log.writes"), "a \"b\"\n");
	assert_string_equal(member(doc, "kafka.linger.ms"), "5");
	assert_string_equal(member(doc, "kafka.sasl.password"), "***");
	json_decref(doc);
	buf_free(&b);
}

/* Standard output of a function, as a string. */
static char *printed(void (*print)(const struct config *c))
{
	char *text = NULL;
	size_t len = 0;
	FILE *saved = stdout;
	stdout = open_memstream(&text, &len);
	assert_non_null(stdout);
	print(&c);
	fclose(stdout);
	stdout = saved;
	return text;
}

static void pages(void **state)
{
	(void)state;
	char *docs = printed(config_print_docs);
	for (size_t i = 0; i < COMMON_ROWS + OWN_ROWS; i++) {
		const struct setting *row = row_at(i);
		char text[128];
		snprintf(text, sizeof text, "\n| `%s` | `%s` | ", row->name,
		    row->def);
		assert_non_null(strstr(docs, text));
		assert_non_null(strstr(docs, row->help));
	}
	assert_non_null(
	    strstr(docs, " | red\\|dark_green\\|blue | COLOUR own.hue "));
	free(docs);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(every_row),
	    TEST(names_are_told_apart),
	    TEST(booleans),
	    TEST(choices),
	    TEST(addresses),
	    TEST(integers),
	    TEST(the_error_says_it),
	    TEST(limits_of_roles),
	    TEST(librdkafka_properties),
	    TEST(file),
	    TEST(bad_file),
	    TEST(environment),
	    TEST(bad_environment),
	    TEST(former_names),
	    TEST(bad_former_names),
	    TEST(under_both_names),
	    TEST(secrets),
	    TEST(as_json),
	    TEST(pages),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
