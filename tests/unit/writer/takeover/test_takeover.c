/* The walk of a takeover, and when it begins once more. What Postgres, the log
 * and sluice.commits say is fake: each question is answered by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "writer/commits/announce.h"
#include "writer/core/pg_request.h"
#include "writer/startup/log_offsets.h"
#include "writer/takeover/gap.h"
#include "writer/takeover/last_mark.h"
#include "writer/takeover/takeover.h"

#include <string.h>

enum { PARTITION = 3, OFFSET = 40, STEPS_MOST = 100 };

/* --- the neighbours ------------------------------------------------------- */

/* Each is one question that waits for its answer. */
struct pg_request {
	pg_done done;
	void *arg;
	bool open;
};

struct log_offsets {
	log_offsets_done done;
	void *arg;
	bool open;
};

struct last_mark {
	last_mark_done done;
	void *arg;
	bool open;
	struct last_mark_of of;
};

struct gap {
	gap_done done;
	void *arg;
	bool open;
	version_t from, to;
};

static struct pg_request postgres;
static struct log_offsets ends;
static struct last_mark marks;
static struct gap gap;
static int walks, anews, gaps, events[EVENT_COUNT];

void __wrap_log_event(enum event ev, const char *fields, ...);
struct pg_request *__wrap_pg_request_submit(struct pg_pool *p,
    const struct pg_query *queries, size_t n, pg_done done, void *arg);
void __wrap_pg_request_cancel(struct pg_request **a);
struct log_offsets *__wrap_log_offsets_ask(struct context *x,
    const int32_t *partitions, size_t n, log_offsets_done done, void *arg);
void __wrap_log_offsets_cancel(struct log_offsets **e);
struct err __wrap_last_mark_new(
    struct context *x, last_mark_done done, void *arg, struct last_mark **out);
void __wrap_last_mark_find(
    struct last_mark *m, const struct last_mark_of *of, size_t n);
void __wrap_last_mark_stop(struct last_mark *m);
void __wrap_last_mark_free(struct last_mark **m);
struct err __wrap_gap_new(
    struct context *x, gap_done done, void *arg, struct gap **out);
void __wrap_gap_announce(
    struct gap *g, int32_t partition, version_t from, version_t to);
void __wrap_gap_stop(struct gap *g);
void __wrap_gap_free(struct gap **g);
void __wrap_announce_anew(struct announcer *a, int32_t partition, version_t at);
void __wrap_announcer_acknowledged(
    struct announcer *a, int32_t partition, int64_t offset);

void __wrap_log_event(enum event ev, const char *fields, ...)
{
	(void)fields;
	events[ev]++;
}

struct pg_request *__wrap_pg_request_submit(struct pg_pool *p,
    const struct pg_query *queries, size_t n, pg_done done, void *arg)
{
	(void)p;
	(void)queries;
	assert_int_equal(n, 2);
	walks++;
	postgres = (struct pg_request){done, arg, true};
	return &postgres;
}

void __wrap_pg_request_cancel(struct pg_request **a)
{
	postgres.open = false;
	*a = NULL;
}

struct log_offsets *__wrap_log_offsets_ask(struct context *x,
    const int32_t *partitions, size_t n, log_offsets_done done, void *arg)
{
	(void)x;
	assert_int_equal(n, 1);
	assert_int_equal(partitions[0], PARTITION);
	ends = (struct log_offsets){done, arg, true};
	return &ends;
}

void __wrap_log_offsets_cancel(struct log_offsets **e)
{
	ends.open = false;
	*e = NULL;
}

struct err __wrap_last_mark_new(
    struct context *x, last_mark_done done, void *arg, struct last_mark **out)
{
	(void)x;
	marks = (struct last_mark){.done = done, .arg = arg};
	*out = &marks;
	return ERR_OK;
}

void __wrap_last_mark_find(
    struct last_mark *m, const struct last_mark_of *of, size_t n)
{
	assert_int_equal(n, 1);
	m->of = of[0];
	m->open = true;
}

void __wrap_last_mark_stop(struct last_mark *m)
{
	m->open = false;
}

void __wrap_last_mark_free(struct last_mark **m)
{
	*m = NULL;
}

struct err __wrap_gap_new(
    struct context *x, gap_done done, void *arg, struct gap **out)
{
	(void)x;
	gap = (struct gap){.done = done, .arg = arg};
	*out = &gap;
	return ERR_OK;
}

void __wrap_gap_announce(
    struct gap *g, int32_t partition, version_t from, version_t to)
{
	assert_int_equal(partition, PARTITION);
	gaps++;
	g->from = from;
	g->to = to;
	g->open = true;
}

void __wrap_gap_stop(struct gap *g)
{
	g->open = false;
}

void __wrap_gap_free(struct gap **g)
{
	*g = NULL;
}

void __wrap_announce_anew(struct announcer *a, int32_t partition, version_t at)
{
	(void)a;
	(void)partition;
	(void)at;
	anews++;
}

void __wrap_announcer_acknowledged(
    struct announcer *a, int32_t partition, int64_t offset)
{
	(void)a;
	(void)partition;
	(void)offset;
}

/* --- the answers ---------------------------------------------------------- */

/* What one walk finds. */
struct found {
	version_t watermark;
	int64_t end; /* of the log */
	version_t mark;
	bool beyond; /* and a mark above the end */
};

static PGresult *table(int columns)
{
	char name[] = "n";
	PGresAttDesc of[3] = {{.name = name, .format = 1},
	    {.name = name, .format = 1}, {.name = name, .format = 1}};
	PGresult *r = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
	assert_true(PQsetResultAttrs(r, columns, of));
	return r;
}

static void set_big_endian(PGresult *r, int column, uint64_t v, int len)
{
	char bytes[8];
	for (int i = 0; i < len; i++)
		bytes[i] = (char)(v >> (8 * (len - 1 - i)));
	assert_true(PQsetvalue(r, 0, column, bytes, len));
}

static void answer_progress(const struct found *f)
{
	PGresult *results[2] = {table(2), table(3)};
	set_big_endian(results[0], 0, PARTITION, 4);
	set_big_endian(results[0], 1, f->watermark, 8);
	const struct pg_reply reply = {.results = results, .n = 2};
	assert_true(postgres.open);
	postgres.open = false;
	postgres.done(postgres.arg, &reply);
	PQclear(results[0]);
	PQclear(results[1]);
}

static void answer_ends(const struct found *f)
{
	const struct log_offsets_of of = {PARTITION, 0, f->end};
	const struct err e = ERR_OK;
	assert_true(ends.open);
	ends.open = false;
	ends.done(ends.arg, &e, &of, 1);
}

/* The outcomes from the watermark to the mark are known. */
static void answer_marks(const struct found *f)
{
	assert_true(marks.open);
	assert_int_equal(marks.of.watermark, f->watermark);
	assert_int_equal(marks.of.end, f->end);
	struct last_mark_end end = {
	    .partition = PARTITION,
	    .found = true,
	    .through = f->mark,
	    .told = announced_new(f->watermark),
	    .last = OFFSET,
	    .beyond = f->beyond ? OFFSET : -1,
	};
	const struct record_mark mark = {
	    .from = f->watermark, .through = f->mark, .after = -1};
	if (f->mark > f->watermark)
		announced_mark(end.told, &mark);
	marks.open = false;
	marks.done(marks.arg, &end, 1);
	announced_free(&end.told);
}

static void answer_walk(const struct found *f)
{
	answer_progress(f);
	answer_ends(f);
	answer_marks(f);
}

/* --- the takeover --------------------------------------------------------- */

static struct writer_settings settings;
static struct context x;
static struct takeover *takeover;
static int dones;
static version_t watermark, told;
static bool has_outcomes;

static void on_done(void *arg, struct taken *taken, size_t n)
{
	(void)arg;
	assert_int_equal(n, 1);
	assert_int_equal(taken->partition, PARTITION);
	dones++;
	watermark = taken->watermark;
	told = taken->told;
	has_outcomes = taken->outcomes != NULL;
}

static int setup(void **state)
{
	(void)state;
	walks = anews = gaps = dones = 0;
	memset(events, 0, sizeof events);
	x = (struct context){.loop = loop_new(), .settings = &settings};
	settings.common.writes_topic = "writes";
	assert_int_equal(
	    takeover_new(&x, on_done, NULL, &takeover).kind, ERR_KIND_OK);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	takeover_free(&takeover);
	loop_free(&x.loop);
	return 0;
}

/* It asks Postgres when its timer has run, which is due at once. */
static void begin(void)
{
	const int32_t partition = PARTITION;
	takeover_start(takeover, &partition, 1);
	for (int i = 0; i < STEPS_MOST && !postgres.open; i++)
		uv_run(loop_uv(x.loop), UV_RUN_NOWAIT);
}

static void one_walk_is_enough(void **state)
{
	(void)state;
	begin();
	answer_walk(&(struct found){.watermark = 5, .end = 9, .mark = 5});
	assert_int_equal(walks, 1);
	assert_int_equal(dones, 1);
	assert_int_equal(watermark, 5);
	assert_int_equal(told, 0);
	assert_false(has_outcomes);
}

/* Such a mark hides nothing, and says nothing of a former owner. */
static void a_gap_is_no_reason_for_another_walk(void **state)
{
	(void)state;
	begin();
	answer_walk(&(struct found){.watermark = 5, .end = 9, .mark = 3});
	assert_int_equal(walks, 1);
	assert_int_equal(gaps, 1);
	assert_int_equal(gap.from, 3);
	assert_int_equal(gap.to, 5);
	gap.done(gap.arg, true);
	assert_int_equal(dones, 1);
	assert_int_equal(anews, 0);
}

/* The former owner committed 5 and 6 after the watermark was read. */
static void a_former_owner_went_on(void **state)
{
	(void)state;
	begin();
	answer_walk(&(struct found){.watermark = 5, .end = 9, .mark = 7});
	assert_int_equal(dones, 0);
	assert_int_equal(walks, 2);
	assert_true(takeover_running(takeover));
	answer_walk(&(struct found){.watermark = 7, .end = 9, .mark = 7});
	assert_int_equal(dones, 1);
	assert_int_equal(watermark, 7);
	assert_int_equal(told, 0);
	assert_false(has_outcomes);
	assert_int_equal(anews, 0);
	assert_int_equal(events[EV_WENT_BACK], 0);
}

/* The log has grown, too, after its end was read. */
static void a_former_owner_went_on_beyond_the_end(void **state)
{
	(void)state;
	begin();
	answer_walk(&(struct found){
	    .watermark = 5, .end = 9, .mark = 5, .beyond = true});
	assert_int_equal(dones, 0);
	assert_int_equal(walks, 2);
	answer_walk(&(struct found){.watermark = 11, .end = 12, .mark = 11});
	assert_int_equal(dones, 1);
	assert_int_equal(watermark, 11);
	assert_int_equal(events[EV_MARK_BEYOND], 0);
	assert_int_equal(events[EV_WENT_BACK], 0);
	assert_int_equal(gaps, 0);
}

static void a_failover_is_believed_the_second_time(void **state)
{
	(void)state;
	const struct found f = {.watermark = 5, .end = 9, .mark = 7};
	begin();
	answer_walk(&f);
	assert_int_equal(events[EV_WENT_BACK], 0);
	answer_walk(&f);
	assert_int_equal(walks, 2);
	assert_int_equal(dones, 1);
	assert_int_equal(watermark, 5);
	assert_int_equal(told, 7);
	assert_true(has_outcomes);
	assert_int_equal(events[EV_WENT_BACK], 1);
	assert_int_equal(anews, 0);
}

static void a_mark_beyond_is_told_the_second_time(void **state)
{
	(void)state;
	const struct found f = {
	    .watermark = 5, .end = 9, .mark = 5, .beyond = true};
	begin();
	answer_walk(&f);
	assert_int_equal(events[EV_MARK_BEYOND], 0);
	answer_walk(&f);
	assert_int_equal(walks, 2);
	assert_int_equal(dones, 1);
	assert_int_equal(watermark, 5);
	assert_int_equal(told, 0);
	assert_int_equal(events[EV_MARK_BEYOND], 1);
}

/* Each takeover has a second walk of its own. */
static void the_next_takeover_begins_once_more_too(void **state)
{
	(void)state;
	const struct found above = {.watermark = 5, .end = 9, .mark = 7};
	for (int i = 1; i <= 2; i++) {
		begin();
		answer_walk(&above);
		assert_int_equal(dones, i - 1);
		answer_walk(&above);
		assert_int_equal(dones, i);
		assert_int_equal(walks, 2 * i);
	}
}

static void stopped_in_the_second_walk(void **state)
{
	(void)state;
	begin();
	answer_walk(&(struct found){.watermark = 5, .end = 9, .mark = 7});
	assert_true(postgres.open);
	takeover_stop(takeover);
	assert_false(postgres.open);
	assert_false(takeover_running(takeover));
	assert_int_equal(dones, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(one_walk_is_enough),
	    TEST(a_gap_is_no_reason_for_another_walk),
	    TEST(a_former_owner_went_on),
	    TEST(a_former_owner_went_on_beyond_the_end),
	    TEST(a_failover_is_believed_the_second_time),
	    TEST(a_mark_beyond_is_told_the_second_time),
	    TEST(the_next_takeover_begins_once_more_too),
	    TEST(stopped_in_the_second_walk),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
