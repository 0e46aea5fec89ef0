/* Every way in which the log is not the one of the watermarks has its words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "writer/startup/topic_checks.h"

#include "common/log/stored_formats.h"

#include <string.h>

static void is_fatal(struct err e, const char *code)
{
	assert_int_equal(e.kind, ERR_KIND_FATAL);
	assert_string_equal(e.code, code);
	/* The way out is not cut off. */
	assert_non_null(strstr(e.msg, "docs/operations.md"));
	assert_non_null(strstr(e.msg, "Moving to a new log"));
}

static void is_ok(struct err e)
{
	assert_int_equal(e.kind, ERR_KIND_OK);
}

static void ends(void **state)
{
	(void)state;
	static const struct {
		int64_t low, high, next;
		const char *code; /* NULL: fine */
	} table[] = {
	    {0, 0, 0, NULL},
	    {0, 10, 10, NULL},
	    {5, 10, 5, NULL},
	    {7, 7, 7, NULL},
	    {6, 10, 5, "log.overrun"},
	    {0, 0, 1, "log.recreated"},
	    {0, 9, 10, "log.truncated"},
	    {9, 9, 10, "log.truncated"},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		const struct log_offsets_of e = {
		    3, table[i].low, table[i].high};
		struct err got = topic_checks_ends(
		    "sluice.writes", version_make(2, table[i].next), &e);
		if (table[i].code)
			is_fatal(got, table[i].code);
		else
			is_ok(got);
	}
}

static void room(void **state)
{
	(void)state;
	assert_true(topic_checks_lag("21600000"));
	assert_false(topic_checks_lag("21599999"));
	assert_false(topic_checks_lag("0"));
	assert_true(topic_checks_lag("for ever"));
	assert_true(topic_checks_lag(""));
	is_ok(topic_checks_room("it", "1114112", 1048576));
	is_ok(topic_checks_room("it", "", 1048576));
	is_ok(topic_checks_room("it", "unlimited", 1048576));
	struct err e = topic_checks_room("max of t", "1114111", 1048576);
	assert_int_equal(e.kind, ERR_KIND_FATAL);
	assert_string_equal(e.code, "log.room");
	assert_non_null(strstr(e.msg, "max of t is 1114111"));
	assert_non_null(strstr(e.msg, "at least 1114112"));
}

static void policy(void **state)
{
	(void)state;
	is_ok(topic_checks_setting("t", "cleanup.policy", "delete"));
	static const char *const bad[] = {"compact", "compact,delete"};
	for (size_t i = 0; i < 2; i++) {
		struct err e = topic_checks_setting(
		    "sluice.writes", "cleanup.policy", bad[i]);
		assert_int_equal(e.kind, ERR_KIND_FATAL);
		assert_string_equal(e.code, "log.compacted");
		assert_non_null(strstr(e.msg, "--topic sluice.writes "
					      "--add-config "
					      "cleanup.policy=delete"));
	}
}

/* What the log of ids says must never be deleted. */
static void kept(void **state)
{
	(void)state;
	for (size_t i = 0; topic_checks_of_ids[i]; i++) {
		const char *name = topic_checks_of_ids[i];
		bool policy = strcmp(name, "cleanup.policy") == 0;
		is_ok(
		    topic_checks_setting("t", name, policy ? "delete" : "-1"));
		struct err e = topic_checks_setting("ids", name, "604800000");
		assert_int_equal(e.kind, ERR_KIND_FATAL);
		assert_string_equal(
		    e.code, policy ? "log.compacted" : "log.deleted");
		assert_non_null(strstr(e.msg, "--topic ids --add-config "));
	}
}

static void the_rest(void **state)
{
	(void)state;
	char topic[] = "sluice.writes";
	const struct common_settings s = {
	    .writes_topic = topic, .partitions = 8};
	is_ok(topic_checks_settings("sluice.writes", 8, &s));
	is_fatal(topic_checks_settings("sluice.writes", 4, &s), "log.settings");
	is_fatal(topic_checks_settings("other", 8, &s), "log.settings");
	is_ok(topic_checks_topic("t", 8, 8));
	is_fatal(topic_checks_topic("t", 9, 8), "log.partitions");
	is_ok(topic_checks_cluster("", "abc"));
	is_ok(topic_checks_cluster("abc", "abc"));
	is_fatal(topic_checks_cluster("abc", "abd"), "log.cluster");
	is_ok(topic_checks_schema(1));
	is_ok(topic_checks_schema(STORED_SCHEMA));
	assert_string_equal(
	    topic_checks_schema(STORED_SCHEMA + 1).code, "schema.newer");
	is_ok(topic_checks_epoch_number(0));
	is_ok(topic_checks_epoch_number(VERSION_EPOCH_MAX));
	assert_string_equal(topic_checks_epoch_number(-1).code, "log.epoch");
	assert_string_equal(
	    topic_checks_epoch_number(VERSION_EPOCH_MAX + 1).code, "log.epoch");
	is_ok(topic_checks_epoch(1, version_make(1, 7)));
	struct err e = topic_checks_epoch(0, version_make(1, 7));
	assert_int_equal(e.kind, ERR_KIND_FATAL);
	assert_string_equal(e.code, "log.epoch");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(ends),
	    cmocka_unit_test(room),
	    cmocka_unit_test(policy),
	    cmocka_unit_test(kept),
	    cmocka_unit_test(the_rest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
