/* Lines on their way to standard error: in order, whole, and nobody waits for
 * them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/log/log_queue.h"
#include "common/base/log.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LANES = 2 };

static int saved, pipe_end;

/* Standard error is a pipe that nobody reads yet. */
static int begin(void **state)
{
	int ends[2];
	(void)state;
	saved = dup(STDERR_FILENO);
	if (saved < 0 || pipe(ends) != 0 ||
	    dup2(ends[1], STDERR_FILENO) != STDERR_FILENO)
		return -1;
	close(ends[1]);
	pipe_end = ends[0];
	log_queue_start(LANES);
	return 0;
}

static int end(void **state)
{
	(void)state;
	log_queue_end();
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(pipe_end);
	return 0;
}

/* Reads `n` lines; each is the number that follows the one before. */
static void read_numbers(int n)
{
	FILE *f = fdopen(dup(pipe_end), "r");
	char line[32], want[32];
	assert_non_null(f);
	for (int i = 0; i < n; i++) {
		assert_non_null(fgets(line, sizeof line, f));
		snprintf(want, sizeof want, "line %d\n", i);
		assert_string_equal(line, want);
	}
	fclose(f);
}

static bool put(size_t lane, const char *text)
{
	char *line = log_queue_line(lane);
	if (line)
		log_queue_put(lane, (size_t)(stpcpy(line, text) - line));
	return line != NULL;
}

static bool put_number(int i)
{
	char line[32];
	snprintf(line, sizeof line, "line %d\n", i);
	return put(0, line);
}

static void nobody_waits(void **state)
{
	(void)state;
	int n = 0;
	while (put_number(n))
		n++;
	/* The pipe took some. All that were taken come, in order. */
	assert_true(n > LOG_QUEUE_MAX / 32);
	read_numbers(n);
	assert_true(put_number(0));
	read_numbers(1);
}

static void the_end_writes_the_rest(void **state)
{
	(void)state;
	for (int i = 0; i < 100; i++)
		assert_true(put_number(i));
	log_queue_end();
	assert_false(put_number(100));
	read_numbers(100);
}

struct many {
	size_t lane;
	const char *line;
};

static void *put_many(void *arg)
{
	const struct many *m = arg;
	for (int i = 0; i < 1000; i++)
		assert_true(put(m->lane, m->line));
	return NULL;
}

static void lines_stay_whole(void **state)
{
	(void)state;
	struct many a = {0, "aaaaaaaaaaaaaaaaaaaa\n"},
		    b = {1, "bbbbbbbbbbbb\n"};
	pthread_t one, two;
	assert_int_equal(pthread_create(&one, NULL, put_many, &a), 0);
	assert_int_equal(pthread_create(&two, NULL, put_many, &b), 0);
	FILE *f = fdopen(dup(pipe_end), "r");
	char line[64];
	for (int i = 0; i < 2000; i++) {
		assert_non_null(fgets(line, sizeof line, f));
		assert_true(
		    strcmp(line, a.line) == 0 || strcmp(line, b.line) == 0);
	}
	fclose(f);
	pthread_join(one, NULL);
	pthread_join(two, NULL);
}

/* A lane that is full takes no room from another one. */
static void a_full_lane(void **state)
{
	(void)state;
	char line[64];
	int n = 0, others = 0;
	while (put_number(n))
		n++;
	assert_true(put(1, "other\n"));
	FILE *f = fdopen(dup(pipe_end), "r");
	for (int i = 0; i < n + 1; i++) {
		assert_non_null(fgets(line, sizeof line, f));
		others += strcmp(line, "other\n") == 0;
	}
	fclose(f);
	assert_int_equal(others, 1);
}

static bool put_event(mono_us_t now, const char *fields)
{
	char *line = log_queue_line(1);
	if (line == NULL)
		return false;
	char *end = stpcpy(log_line_begin(EV_REQUEST, now, line), fields);
	log_queue_put(1, log_line_end(EV_REQUEST, "status=%d", line, end));
	return true;
}

static void a_line_of_an_event(void **state)
{
	(void)state;
	char line[512];
	log_init("unit", LOG_ERROR); /* the level does not matter */
	assert_true(put_event(clock_mono(), "status=200"));
	FILE *f = fdopen(dup(pipe_end), "r");
	assert_non_null(fgets(line, sizeof line, f));
	assert_non_null(strstr(line, " level=info daemon=unit ev=request "));
	assert_non_null(strstr(line, " status=200\n"));
	log_set_format(LOG_JSON);
	assert_true(put_event(clock_mono(), "status=200"));
	assert_non_null(fgets(line, sizeof line, f));
	assert_non_null(strstr(line, "\"ev\":\"request\",\"status\":200}\n"));
	log_set_format(LOG_LOGFMT);
	fclose(f);
}

/* Microseconds since the epoch, of the line's `ts`. */
static int64_t time_of(const char *line)
{
	struct tm tm = {0};
	const char *rest = strptime(line, "ts=%Y-%m-%dT%H:%M:%S.", &tm);
	assert_non_null(rest);
	return (int64_t)timegm(&tm) * 1000000 + atoi(rest);
}

/* A line has the time that its request ended at, whatever came before it. */
static void the_time_of_a_line(void **state)
{
	(void)state;
	static const dur_us_t after[] = {
	    0, 1, 999999, 1000000, 1500000, 60000000, 59999999, 500};
	enum { N = sizeof after / sizeof *after };
	mono_us_t now = clock_mono();
	int64_t wall = clock_wall(), first = 0;
	for (int i = 0; i < N; i++)
		assert_true(put_event(now + after[i], "status=200"));
	FILE *f = fdopen(dup(pipe_end), "r");
	char line[512];
	for (int i = 0; i < N; i++) {
		assert_non_null(fgets(line, sizeof line, f));
		first = i == 0 ? time_of(line) : first;
		/* Each second is made from the clocks anew. */
		assert_in_range(
		    time_of(line) - first + 1000 - after[i], 0, 2000);
	}
	assert_true(first <= wall && first > wall - CLOCK_S(1));
	fclose(f);
}

static void without_the_thread(void **state)
{
	(void)state;
	log_queue_end(); /* twice does no harm */
	log_queue_end();
	assert_false(put_number(0));
	assert_false(put_event(clock_mono(), "status=200"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(nobody_waits, begin, end),
	    cmocka_unit_test_setup_teardown(
		the_end_writes_the_rest, begin, end),
	    cmocka_unit_test_setup_teardown(lines_stay_whole, begin, end),
	    cmocka_unit_test_setup_teardown(a_full_lane, begin, end),
	    cmocka_unit_test_setup_teardown(a_line_of_an_event, begin, end),
	    cmocka_unit_test_setup_teardown(the_time_of_a_line, begin, end),
	    cmocka_unit_test_setup_teardown(without_the_thread, begin, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
