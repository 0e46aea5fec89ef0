/* Settings whose value is a file: its rules, every source, what is shown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/buf.h"
#include "common/base/mem.h"
#include "common/daemon/config.h"
#include "common/daemon/secret_file.h"
#include "common/kafka/kafka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct common_settings s;
static struct config c;
static char path[64];

static void put(const char *text, size_t len)
{
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, len, f), len);
	fclose(f);
}

static void afresh(void)
{
	s = (struct common_settings){0};
	config_init(&c, &s, NULL, 0);
}

static int setup(void **state)
{
	(void)state;
	snprintf(path, sizeof path, "/tmp/sluice-secret-XXXXXX");
	close(mkstemp(path));
	afresh();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	config_free(&c);
	unlink(path);
	return 0;
}

static void again(void)
{
	config_free(&c);
	afresh();
}

/* --- the file ------------------------------------------------------------- */

static void reads(const char *text, const char *value)
{
	char *out;
	put(text, strlen(text));
	struct err e = secret_file_read(path, &out);
	assert_int_equal(e.kind, ERR_KIND_OK);
	assert_string_equal(out, value);
	free(out);
}

static void refuses(const char *text, size_t len, const char *why)
{
	char *out;
	put(text, len);
	struct err e = secret_file_read(path, &out);
	assert_int_equal(e.kind, ERR_KIND_FATAL);
	assert_null(out);
	assert_non_null(strstr(e.msg, path));
	assert_non_null(strstr(e.msg, why));
	assert_null(strstr(e.msg, "hunter2"));
}

static void one_newline_is_removed(void **state)
{
	(void)state;
	reads("hunter2", "hunter2");
	reads("hunter2\n", "hunter2");
	reads("hunter2\r\n", "hunter2");
	reads(" hunter2 \n", " hunter2 ");
	reads("h\xc3\xbcnter2", "h\xc3\xbcnter2");
	refuses("hunter2\n\n", 9, "control character");
	refuses("hunter2\nx", 9, "control character");
	refuses("hunter2\0", 8, "control character");
	refuses("\thunter2", 8, "control character");
	refuses("hunter2\x7f", 8, "control character");
	refuses("", 0, "empty");
	refuses("\n", 1, "empty");
}

static void its_size_is_bounded(void **state)
{
	(void)state;
	char *text = mem_alloc(SECRET_FILE_MAX + 2);
	memset(text, 'a', SECRET_FILE_MAX + 1);
	text[SECRET_FILE_MAX] = '\0';
	reads(text, text);
	text[SECRET_FILE_MAX] = 'a';
	refuses(text, SECRET_FILE_MAX + 1, "larger than 65536 bytes");
	free(text);
}

static void only_regular_files(void **state)
{
	(void)state;
	char *out;
	struct err e = secret_file_read("/nonexistent/password", &out);
	assert_non_null(strstr(e.msg, "/nonexistent/password: No such file"));
	e = secret_file_read("/tmp", &out);
	assert_non_null(strstr(e.msg, "/tmp: not a regular file"));
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	e = secret_file_read(path, &out); /* it does not wait for a writer */
	assert_non_null(strstr(e.msg, "not a regular file"));
}

/* --- the settings --------------------------------------------------------- */

static struct err load_env(const char *name, const char *value)
{
	char *variable;
	assert_true(asprintf(&variable, "%s=%s", name, value) > 0);
	char *env[] = {variable, NULL};
	struct faults faults = {0};
	config_load_env(&c, env, &faults);
	free(variable);
	return faults_first(&faults);
}

static const char *kafka_value(const char *property)
{
	for (size_t i = 0; i < c.kafka.n; i++) {
		if (strcmp(c.kafka.all[i].name, property) == 0)
			return c.kafka.all[i].value;
	}
	return "none";
}

static void every_source(void **state)
{
	(void)state;
	put("redis://:hunter2@h\n", 19);
	assert_int_equal(
	    config_set(&c, "redis.url.file", path).kind, ERR_KIND_OK);
	assert_string_equal(s.redis_url, "redis://:hunter2@h");
	assert_string_equal(config_file_of(&c, "redis.url"), path);
	assert_null(config_file_of(&c, "primary.url"));
	again();
	assert_int_equal(
	    load_env("SLUICE_REDIS_URL_FILE", path).kind, ERR_KIND_OK);
	assert_string_equal(s.redis_url, "redis://:hunter2@h");
	again();
	put("hunter2", 7);
	assert_int_equal(load_env("SLUICE_KAFKA_SASL_PASSWORD_FILE", path).kind,
	    ERR_KIND_OK);
	assert_string_equal(kafka_value("sasl.password"), "hunter2");
	assert_int_equal(
	    config_set(&c, "kafka.sasl.username.file", path).kind, ERR_KIND_OK);
	assert_string_equal(kafka_value("sasl.username"), "hunter2");
	assert_string_equal(config_file_of(&c, "kafka.sasl.username"), path);
	/* A setting of ours with the name of a property. */
	assert_int_equal(
	    load_env("SLUICE_KAFKA_BOOTSTRAP_SERVERS_FILE", path).kind,
	    ERR_KIND_OK);
	assert_string_equal(s.kafka_servers, "hunter2");
	/* A later source may name another file. */
	put("other", 5);
	assert_int_equal(
	    config_set(&c, "kafka.sasl.username.file", path).kind, ERR_KIND_OK);
	assert_string_equal(kafka_value("sasl.username"), "other");
}

static void is_both(const char *name, struct err e)
{
	char text[160];
	snprintf(text, sizeof text,
	    "setting '%s' is given as '%s' and as '%s.file': remove one of "
	    "them",
	    name, name, name);
	assert_int_equal(e.kind, ERR_KIND_FATAL);
	assert_string_equal(e.msg, text);
}

static void not_in_both_ways(void **state)
{
	(void)state;
	put("redis://:hunter2@h\n", 19);
	config_set(&c, "redis.url", "redis://h");
	is_both("redis.url", config_set(&c, "redis.url.file", path));
	again();
	config_set(&c, "redis.url.file", path);
	is_both("redis.url", config_set(&c, "redis.url", "redis://h"));
	again();
	config_set(&c, "kafka.sasl.password", "x");
	is_both("kafka.sasl.password",
	    load_env("SLUICE_KAFKA_SASL_PASSWORD_FILE", path));
	again();
	config_set(&c, "kafka.sasl.password.file", path);
	is_both(
	    "kafka.sasl.password", config_set(&c, "kafka.sasl.password", "x"));
	/* The variables of the reference systems are below either. */
	again();
	char *file_variable;
	assert_true(
	    asprintf(&file_variable, "SLUICE_REDIS_URL_FILE=%s", path) > 0);
	char *env[] = {
	    file_variable, (char *)(uintptr_t) "REDIS_URL=redis://o", NULL};
	struct faults faults = {0};
	config_load_env(&c, env, &faults);
	assert_int_equal(faults.n, 0);
	assert_string_equal(s.redis_url, "redis://:hunter2@h");
	free(file_variable);
}

static void errors_never_show_it(void **state)
{
	(void)state;
	put("hunter2", 7);
	struct err e = config_set(&c, "log.level.file", path);
	assert_non_null(strstr(e.msg, "setting 'log.level' has a bad value"));
	assert_non_null(strstr(e.msg, path));
	assert_non_null(strstr(e.msg, "allowed: debug|info|warn|error"));
	assert_null(strstr(e.msg, "hunter2"));
	e = config_set(&c, "redis.ulr.file", path);
	assert_string_equal(e.msg,
	    "unknown setting 'redis.ulr.file'; did you mean 'redis.url.file'? "
	    "(--help lists all)");
	e = load_env("SLUICE_REDIS_ULR_FILE", path);
	assert_string_equal(e.msg,
	    "unknown setting 'redis.ulr.file'; did you mean 'redis.url.file'? "
	    "(--help lists all)");
	assert_int_equal(config_set(&c, ".file", path).kind, ERR_KIND_FATAL);
	e = config_set(&c, "redis.url.file", "/nonexistent/x");
	assert_non_null(
	    strstr(e.msg, "setting 'redis.url.file': /nonexistent/x: No"));
}

static void librdkafka_refuses_without_it(void **state)
{
	(void)state;
	rd_kafka_conf_t *conf;
	put("hunter2", 7);
	assert_int_equal(
	    config_set(&c, "kafka.linger.ms.file", path).kind, ERR_KIND_OK);
	struct kafka_config k = config_kafka(&c);
	struct err e = kafka_conf(&k, NULL, &conf);
	assert_int_equal(e.kind, ERR_KIND_FATAL);
	assert_non_null(strstr(e.msg, "kafka.linger.ms"));
	assert_null(strstr(e.msg, "hunter2"));
}

static void shown_as_a_file(void **state)
{
	(void)state;
	struct buf b = {0};
	put("hunter2", 7);
	config_set(&c, "log.writes.file", path);
	config_set(&c, "kafka.client.rack.file", path);
	put("redis://u:hunter2@h", 19);
	config_set(&c, "redis.url.file", path);
	config_json(&c, &b);
	assert_null(strstr(b.data, "hunter2"));
	assert_non_null(strstr(b.data, "\"log.writes\": \"***\""));
	assert_non_null(strstr(b.data, "\"redis.url\": \"redis://u:***@h\""));
	assert_non_null(strstr(b.data, "\"kafka.client.rack\": \"***\""));
	assert_non_null(strstr(b.data, "\"kafka.client.rack.file\": \"/tmp/"));
	assert_non_null(strstr(b.data, "\"redis.url.file\": \"/tmp/"));
	buf_free(&b);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(one_newline_is_removed),
	    TEST(its_size_is_bounded),
	    TEST(only_regular_files),
	    TEST(every_source),
	    TEST(not_in_both_ways),
	    TEST(errors_never_show_it),
	    TEST(librdkafka_refuses_without_it),
	    TEST(shown_as_a_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
