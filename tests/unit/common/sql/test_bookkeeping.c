/* The statements as the build has made them of the .sql files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/sql/bookkeeping.h"

#include <stdio.h>
#include <string.h>

#define LIST(...) ((const char *const[]){__VA_ARGS__})

static void texts(void **state)
{
	(void)state;
	assert_string_equal(bookkeeping_log.sql,
	    "SELECT topic, partitions, epoch, schema_least FROM sluice.log");
	assert_string_equal(bookkeeping_log.columns, "spee");
	/* Lines are joined; comments are left out; what is quoted stays. */
	assert_string_equal(bookkeeping_progress_locked.sql,
	    "SELECT \"partition\", next_offset FROM sluice.progress ORDER BY "
	    "\"partition\" FOR UPDATE");
	assert_null(bookkeeping_progress_locked.columns);
	assert_non_null(strstr(bookkeeping_list_rejections.sql,
	    "to_char(r.accepted_at, 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), "));
	assert_string_equal(bookkeeping_decision.columns, "vvsssp?v?ssb");
}

static void scripts(void **state)
{
	(void)state;
	struct buf b = {0};
	pg_statement_script(
	    &b, &bookkeeping_end_epoch, LIST("3", "$1", "281474976710656"), 3);
	assert_string_equal(b.data,
	    "INSERT INTO sluice.epochs (\"partition\", ended, began) VALUES "
	    "(3, $1, 281474976710656);\n");
	buf_clear(&b);
	/* One parameter, twice. */
	pg_statement_script(
	    &b, &bookkeeping_note_collection, LIST("'a'", "'b'", "'{}'"), 3);
	assert_non_null(strstr(b.data, "SELECT 'a', 'b', 1 + "));
	assert_non_null(strstr(b.data, "WHERE name = 'a' ON CONFLICT"));
	buf_free(&b);
}

static void schema(void **state)
{
	(void)state;
	struct buf b = {0};
	bookkeeping_schema(&b, "it's", 12);
	assert_non_null(
	    strstr(b.data, "    CREATE SCHEMA sluice;\n"
			   "  END IF;\n"
			   "END\n"
			   "$$;\n"
			   "CREATE TABLE IF NOT EXISTS sluice.log (\n"));
	static const char end[] =
	    "$reserve$;\n"
	    "INSERT INTO sluice.log (topic, partitions, epoch)"
	    " SELECT 'it''s', 12, EXISTS (SELECT FROM unnest("
	    "ARRAY[]::text[]) AS t(name)"
	    " WHERE to_regclass(t.name) IS NOT NULL)::int"
	    " ON CONFLICT DO NOTHING;\n"
	    "INSERT INTO sluice.progress (\"partition\", next_offset)"
	    " SELECT p, (SELECT epoch::bigint << 48 FROM sluice.log)"
	    " FROM generate_series(0, 11) p ON CONFLICT DO NOTHING;\n"
	    "UPDATE sluice.log SET schema_format = 2, schema_least = 1"
	    " WHERE (schema_format, schema_least) IS DISTINCT FROM (2, 1);\n";
	assert_string_equal(b.data + b.len - (sizeof end - 1), end);
	assert_null(strstr(b.data, "--"));
	buf_free(&b);
}

/* The number stands in the statements, too. */
static void pruned_rows(void **state)
{
	(void)state;
	static const struct pg_statement *const all[] = {
	    &bookkeeping_prune_rejections,
	    &bookkeeping_prune_replays,
	    &bookkeeping_prune_checkpoints,
	    &bookkeeping_prune_rejections_gone,
	    &bookkeeping_prune_checkpoints_gone,
	    &bookkeeping_prune_replays_gone,
	    &bookkeeping_prune_idempotency,
	    &bookkeeping_prune_producers,
	};
	char limit[32];
	snprintf(limit, sizeof limit, " LIMIT %d FOR UPDATE",
	    BOOKKEEPING_PRUNE_ROWS);
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		assert_non_null(strstr(all[i]->sql, limit));
	snprintf(limit, sizeof limit, " LIMIT %d", BOOKKEEPING_OUTBOX_ROWS);
	assert_non_null(strstr(bookkeeping_outbox_next.sql, limit));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(texts),
	    cmocka_unit_test(scripts),
	    cmocka_unit_test(schema),
	    cmocka_unit_test(pruned_rows),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
