/* The chunk: what goes into a script, and when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "projector/apply/chunk.h"

#include "tests/unit/declared.h"

#include <stdlib.h>
#include <string.h>

enum { PARTITIONS = 1 };

static struct chunk make(size_t max_entries)
{
	struct chunk c;
	chunk_init(&c, PARTITIONS, max_entries, 1000);
	return c;
}

static enum chunk_heard record(
    struct chunk *c, const char *id, version_t version, int64_t offset)
{
	const struct record_commit r = {
	    .op = RECORD_PUT,
	    .id = id,
	    .id_len = strlen(id),
	    .doc = "{}",
	    .doc_len = 2,
	    .version = version,
	    .accepted_at = 5,
	};
	return chunk_record(c, &r, offset);
}

static void mark(struct chunk *c, version_t from, version_t through,
    int64_t after, int64_t offset)
{
	const struct record_mark m = {
	    .from = from, .through = through, .after = after};
	chunk_mark(c, &m, offset);
}

static void first_mark_starts(void **state)
{
	(void)state;
	struct chunk c = make(10);
	chunk_restart(&c, false, 0);
	assert_int_equal(record(&c, "records/a", 120, 7), CHUNK_IGNORED);
	assert_int_equal(c.due, CHUNK_NOTHING);
	mark(&c, 90, 110, 5, 8);
	assert_int_equal(c.due, CHUNK_START);
	assert_false(c.initialised);
	assert_true(c.to == 110 && c.cursor == 6);
	assert_true(chunk_base(&c) == 121); /* it covers what was heard */
	assert_int_equal(c.n, 0);
	chunk_applied(&c);
	assert_true(c.initialised && c.from == 110);
	assert_int_equal(c.due, CHUNK_NOTHING);
	chunk_free(&c);
}

/* Also below the watermark: what was heard of the writes from there on counts
 * no more, and is heard again. */
static void a_mark_starts_anew(void **state)
{
	(void)state;
	struct chunk c = make(10);
	chunk_resume(&c, 200, 4, 9);
	assert_int_equal(record(&c, "records/a", 201, 4), CHUNK_DROPPED);
	const struct record_mark m = {
	    .from = 100, .through = 100, .after = 3, .anew = true};
	chunk_mark(&c, &m, 5);
	assert_int_equal(c.due, CHUNK_START);
	assert_true(c.from == 200 && c.to == 100 && c.cursor == 4);
	assert_true(chunk_base(&c) == 100);
	assert_int_equal(c.n, 0);
	chunk_applied(&c);
	assert_int_equal(record(&c, "records/a", 101, 6), CHUNK_DROPPED);
	mark(&c, 100, 102, 5, 7);
	assert_int_equal(c.due, CHUNK_APPLY);
	assert_true(c.from == 100 && c.to == 102);
	chunk_free(&c);
}

static void batch_moves_the_watermark(void **state)
{
	(void)state;
	struct chunk c = make(10);
	chunk_resume(&c, 100, 4, 9);
	assert_int_equal(record(&c, "records/old", 99, 4), CHUNK_IGNORED);
	assert_int_equal(record(&c, "records/a", 101, 5), CHUNK_DROPPED);
	assert_int_equal(record(&c, "records/b", 103, 6), CHUNK_DROPPED);
	assert_int_equal(record(&c, "records/a", 104, 7), CHUNK_DROPPED);
	assert_int_equal(c.due, CHUNK_NOTHING);
	mark(&c, 100, 105, 3, 8);
	assert_int_equal(c.due, CHUNK_APPLY);
	assert_true(c.from == 100 && c.to == 105 && c.cursor == 4);
	assert_int_equal(c.n, 2);
	assert_true(c.entries[0].floor == 105 && c.entries[1].floor == 104);
	/* The next one joins it while the script waits to be sent. */
	record(&c, "records/c", 105, 9);
	mark(&c, 105, 106, 8, 10);
	assert_true(c.from == 100 && c.to == 106 && c.cursor == 9);
	assert_int_equal(c.n, 3);
	chunk_applied(&c);
	assert_true(c.from == 106);
	assert_int_equal(c.n, 0);
	mark(&c, 100, 105, 3, 11); /* said again by a late writer */
	assert_int_equal(c.due, CHUNK_NOTHING);
	chunk_free(&c);
}

static void full_before_its_mark(void **state)
{
	(void)state;
	struct chunk c = make(2);
	chunk_resume(&c, 100, 4, 9);
	record(&c, "records/a", 101, 4);
	record(&c, "records/b", 102, 5);
	assert_true(chunk_is_full(&c));
	assert_int_equal(c.due, CHUNK_APPLY);
	assert_true(c.from == 100 && c.to == 100 && c.cursor == 4);
	chunk_take_turn(&c, UINT64_MAX);
	assert_true(c.turn == 9); /* until it is done */
	chunk_applied(&c);
	assert_true(c.turn == VERSION_MAX);
	record(&c, "records/c", 103, 6);
	mark(&c, 100, 104, 3, 7);
	assert_true(c.from == 100 && c.to == 104 && c.n == 1);
	chunk_free(&c);
}

static void full_by_bytes(void **state)
{
	(void)state;
	struct chunk c = make(10);
	char id[600] = "records/";
	chunk_resume(&c, 0, 0, 9);
	memset(id + 8, 'x', sizeof id - 9);
	record(&c, id, 1, 0);
	assert_false(chunk_is_full(&c));
	id[9] = 'y';
	record(&c, id, 2, 1);
	assert_true(chunk_is_full(&c));
	chunk_free(&c);
}

static void gap_jumps_and_drops_what_it_held(void **state)
{
	(void)state;
	struct chunk c = make(10);
	chunk_resume(&c, 100, 4, 9);
	record(&c, "records/a", 101, 4);
	mark(&c, 100, 102, 3, 5);
	assert_int_equal(c.due, CHUNK_APPLY);
	/* Not sent yet, and already of no use. */
	mark(&c, 150, 160, 5, 6);
	assert_int_equal(c.due, CHUNK_START);
	assert_true(c.initialised && c.from == 100 && c.to == 160);
	assert_int_equal(c.n, 0);
	chunk_free(&c);
}

static void batch_begun_before_we_heard_jumps(void **state)
{
	(void)state;
	struct chunk c = make(10);
	chunk_resume(&c, 100, 4, 9);
	record(&c, "records/a", 101, 9); /* 4 to 8 are not there */
	mark(&c, 100, 102, 3, 10);
	assert_int_equal(c.due, CHUNK_START);
	chunk_free(&c);
}

static void empty_log(void **state)
{
	(void)state;
	struct chunk c = make(10);
	chunk_restart(&c, true, 77);
	record(&c, "records/a", 5, 0);
	chunk_begin_empty(&c);
	assert_int_equal(c.due, CHUNK_START);
	assert_true(c.initialised && c.from == 77 && c.to == 0);
	assert_true(c.cursor == 0);
	chunk_applied(&c);
	assert_true(c.from == 0);
	chunk_free(&c);
}

/* Of which log is Redis's watermark? Of this one, once a mark reaches it. */
static void foreign_watermark(void **state)
{
	(void)state;
	struct chunk c = make(10);
	chunk_restart(&c, true, 77);
	assert_false(chunk_is_foreign(&c)); /* nobody relies on it */
	chunk_resume(&c, 77, 5, 9);
	assert_true(chunk_is_foreign(&c));
	record(&c, "records/a", 76, 5);
	mark(&c, 60, 76, 4, 6); /* a late one */
	assert_true(chunk_is_foreign(&c));
	mark(&c, 70, 77, 4, 7);
	assert_int_equal(c.due, CHUNK_NOTHING);
	assert_false(chunk_is_foreign(&c));

	chunk_resume(&c, 77, 5, 9);
	mark(&c, 90, 100, 4, 6);
	assert_int_equal(c.due, CHUNK_START);
	assert_false(chunk_is_foreign(&c));

	/* Started at a lower mark, it is this log's. */
	chunk_restart(&c, true, 500);
	mark(&c, 90, 100, 4, 6);
	assert_int_equal(c.due, CHUNK_START);
	chunk_applied(&c);
	assert_true(c.from == 100);
	assert_false(chunk_is_foreign(&c));

	/* A partition without any mark. */
	chunk_resume(&c, 0, 0, 9);
	assert_false(chunk_is_foreign(&c));
	chunk_free(&c);
}

static void many_keys(void **state)
{
	(void)state;
	enum { N = 500 };
	struct chunk c;
	char id[32];
	chunk_init(&c, PARTITIONS, N, 1 << 20);
	chunk_resume(&c, 0, 0, 9);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < N - 1; i++) {
			int at = round * (N - 1) + i;
			snprintf(id, sizeof id, "records/%d", i);
			record(&c, id, (version_t)at, at);
		}
		assert_int_equal(c.n, N - 1);
	}
	for (int i = 0; i < N - 1; i++) {
		snprintf(id, sizeof id, "records/%d", i);
		assert_memory_equal(c.entries[i].id, id, strlen(id));
		assert_true(
		    c.entries[i].floor == 2 * (N - 1) + (version_t)i + 1);
	}
	chunk_free(&c);
}

/* Its traced records end with its script, or are forgotten with it. */
static void traces_are_of_one_script(void **state)
{
	(void)state;
	struct chunk c = make(10);
	const struct span_start s = {.self = {{1, 2}, 3, TRACE_SAMPLED}};
	chunk_resume(&c, 100, 4, 9);
	record(&c, "records/a", 101, 4);
	chunk_trace(&c, &s, 4);
	record(&c, "records/a", 102, 5);
	chunk_trace(&c, &s, 5);
	mark(&c, 100, 103, 3, 6);
	assert_int_equal(c.due, CHUNK_APPLY);
	assert_int_equal(c.ntraces, 2);
	assert_true(c.traces[1].offset == 5 && c.traces[1].span.self.span == 3);
	chunk_applied(&c);
	assert_int_equal(c.ntraces, 0);
	record(&c, "records/b", 104, 7);
	chunk_trace(&c, &s, 7);
	mark(&c, 200, 210, 20, 8); /* a gap: START */
	assert_int_equal(c.due, CHUNK_START);
	assert_int_equal(c.ntraces, 0);
	chunk_free(&c);
}

int main(void)
{
	declared("records");
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(first_mark_starts),
	    cmocka_unit_test(a_mark_starts_anew),
	    cmocka_unit_test(batch_moves_the_watermark),
	    cmocka_unit_test(full_before_its_mark),
	    cmocka_unit_test(full_by_bytes),
	    cmocka_unit_test(gap_jumps_and_drops_what_it_held),
	    cmocka_unit_test(batch_begun_before_we_heard_jumps),
	    cmocka_unit_test(empty_log),
	    cmocka_unit_test(foreign_watermark),
	    cmocka_unit_test(many_keys),
	    cmocka_unit_test(traces_are_of_one_script),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
