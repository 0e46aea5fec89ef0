/* The log: quoting, one line per event, the ring, the page. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/log.h"

#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct {
	const char *tag;
	enum log_level level;
	const char *text;
} events[] = {
#define EVENT(id, tag, level, text) {tag, level, text},
#include "common/base/events.def"
#undef EVENT
};

/* --- standard error, caught in a file --------------------------------------
 */

static FILE *caught;
static int saved;

static void catch_errors(void)
{
	caught = tmpfile();
	assert_non_null(caught);
	saved = dup(STDERR_FILENO);
	assert_true(saved >= 0);
	assert_true(dup2(fileno(caught), STDERR_FILENO) >= 0);
}

/* Owned. */
static char *caught_text(void)
{
	assert_true(dup2(saved, STDERR_FILENO) >= 0);
	close(saved);
	long size = lseek(fileno(caught), 0, SEEK_END);
	char *text = calloc(1, (size_t)size + 1);
	assert_non_null(text);
	assert_int_equal(pread(fileno(caught), text, (size_t)size, 0), size);
	fclose(caught);
	return text;
}

static size_t lines_in(const char *text)
{
	size_t n = 0;
	for (; *text; text++)
		n += *text == '\n';
	return n;
}

/* --- quoting ---------------------------------------------------------------
 */

static void quoting(void **state)
{
	(void)state;
	static const struct {
		const char *in, *out;
	} table[] = {
	    {NULL, "\"\""},
	    {"", "\"\""},
	    {"plain text", "\"plain text\""},
	    {"say \"hi\"", "\"say \\\"hi\\\"\""},
	    {"back\\slash", "\"back\\\\slash\""},
	    {"\\", "\"\\\\\""},
	    {"two\nlines\r\n", "\"two lines\""},
	    {"\x1b[31mred", "\" [31mred\""},
	    {"h\xc3\xa9", "\"h\xc3\xa9\""},
	    {"ev=forged\" level=error \"",
		"\"ev=forged\\\" level=error \\\"\""},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		assert_string_equal(log_quote(table[i].in), table[i].out);
}

/* Cut, but never inside an escape, whichever byte the cut falls on. */
static void quoting_cuts(void **state)
{
	(void)state;
	for (size_t shift = 0; shift < 4; shift++) {
		char text[2000];
		memset(text, '"', sizeof text - 1);
		memset(text, 'x', shift);
		text[sizeof text - 1] = '\0';
		const char *q = log_quote(text);
		size_t len = strlen(q);
		assert_true(len >= 300 && len <= 304);
		size_t i = 1;
		while (i < len - 1)
			i += q[i] == '\\' ? 2 : 1;
		assert_int_equal(i, len - 1);
		assert_int_equal(q[i], '"');
	}
}

static void quoting_slots(void **state)
{
	(void)state;
	const char *one = log_quote("one"), *two = log_quote("two");
	const char *three = log_quote("three"), *four = log_quote("four");
	assert_string_equal(one, "\"one\"");
	assert_string_equal(two, "\"two\"");
	assert_string_equal(three, "\"three\"");
	assert_string_equal(four, "\"four\"");
}

/* --- lines -----------------------------------------------------------------
 */

static void a_line(void **state)
{
	(void)state;
	log_init("tester", LOG_INFO);
	catch_errors();
	log_event(EV_LISTEN, "port=%d text=%s", 80, log_quote("a\nb"));
	char *text = caught_text();
	int year, us, end = 0;
	assert_int_equal(sscanf(text, "ts=%4d-%*2d-%*2dT%*2d:%*2d:%*2d.%6dZ%n",
			     &year, &us, &end),
	    2);
	assert_true(year >= 2024 && us >= 0);
	assert_int_equal(end, strlen("ts=2024-01-01T00:00:00.000000Z"));
	assert_string_equal(text + end,
	    " level=info daemon=tester ev=listen port=80 text=\"a b\"\n");
	free(text);
}

static void stays_one_line(void **state)
{
	(void)state;
	char huge[5000];
	memset(huge, 'x', sizeof huge - 1);
	huge[sizeof huge - 1] = '\0';
	log_init("tester", LOG_INFO);
	for (size_t len = 900; len < 1100; len++) {
		catch_errors();
		log_event(EV_LISTEN, "a=%.*s", (int)len, huge);
		char *text = caught_text();
		assert_int_equal(lines_in(text), 1);
		assert_true(strlen(text) <= 1024);
		assert_int_equal(text[strlen(text) - 1], '\n');
		free(text);
	}
	catch_errors();
	log_event(EV_LISTEN, "a=%s", "x\ny\rz\tq");
	char *text = caught_text();
	assert_non_null(strstr(text, " a=x y z q\n"));
	assert_int_equal(lines_in(text), 1);
	free(text);
}

static void levels(void **state)
{
	(void)state;
	static const char *const names[] = {"debug", "info", "warn", "error"};
	enum log_level level;
	for (int i = LOG_DEBUG; i <= LOG_ERROR; i++) {
		assert_true(log_level_parse(names[i], &level));
		assert_int_equal(level, i);
		log_init("tester", level);
		catch_errors();
		log_event(EV_LISTEN, "n=%d", 1);	/* info */
		log_event(EV_PG_DOWN, "n=%d", 2);	/* warn */
		log_event(EV_START_REFUSED, "n=%d", 3); /* error */
		char *text = caught_text();
		assert_int_equal(
		    lines_in(text), i <= LOG_INFO ? 3 : LOG_ERROR + 1 - i);
		assert_non_null(strstr(text, "level=error"));
		free(text);
	}
	assert_false(log_level_parse("", &level));
	assert_false(log_level_parse("Info", &level));
	assert_false(log_level_parse("info ", &level));
}

/* Strangers cannot fill the disk. */
static void at_will(void **state)
{
	(void)state;
	log_init("tester", LOG_INFO);
	catch_errors();
	for (int i = 0; i < 1000; i++) {
		log_event(EV_MHD, "n=%d", i);
		log_event(EV_CACHE_PURGED, "n=%d", i);
	}
	char *text = caught_text();
	assert_int_equal(lines_in(text), 2);
	assert_null(strstr(text, "left_out"));
	free(text);
	usleep(1050000);
	catch_errors();
	log_event(EV_MHD, "n=%d", 1000);
	log_event(EV_MHD, "n=%d", 1001);
	text = caught_text();
	assert_int_equal(lines_in(text), 1);
	assert_non_null(strstr(text, " ev=http.library left_out=999 n=1000\n"));
	free(text);
	/* What was left out is told once; each event has a second of its own.
	 */
	catch_errors();
	log_set_format(LOG_JSON);
	log_event(EV_CACHE_PURGED, "n=%d", 1000);
	log_set_format(LOG_LOGFMT);
	log_event(EV_TAIL_MALFORMED, "n=%d", 0);
	text = caught_text();
	assert_non_null(strstr(
	    text, ",\"ev\":\"cache.purged\",\"left_out\":999,\"n\":1000}\n"));
	assert_non_null(strstr(text, " ev=tail.malformed n=0\n"));
	free(text);
}

/* A failed CHECK prints the last 64, oldest first. */
static void ring(void **state)
{
	(void)state;
	log_init("tester", LOG_INFO);
	for (int more = 0; more < 3; more++) {
		catch_errors();
		for (int i = 0; i < 100 + more; i++)
			log_event(EV_LISTEN, "n=%d.", i);
		free(caught_text());
		catch_errors();
		log_dump();
		char *text = caught_text();
		assert_int_equal(lines_in(text), 1 + 64);
		const char *at = text;
		for (int i = 100 + more - 64; i < 100 + more; i++) {
			char want[32];
			snprintf(want, sizeof want, " n=%d.\n", i);
			at = strstr(at, want);
			assert_non_null(at);
		}
		free(text);
	}
}

/* --- as JSON ---------------------------------------------------------------
 */

/* Owned: the line without its newline, as an object. */
static json_t *object_of(const char *line)
{
	json_t *o = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(o);
	assert_true(json_is_object(o));
	return o;
}

/* The same event in both formats: the same names, in the same order. */
static void both_formats(void **state)
{
	(void)state;
	char *lines[2];
	log_init("tester", LOG_INFO);
	for (int i = 0; i < 2; i++) {
		log_set_format(i ? LOG_JSON : LOG_LOGFMT);
		catch_errors();
		log_event(EV_LISTEN, "port=%d text=%s bare=%s", 80,
		    log_quote("a\n\"b\""), "c");
		lines[i] = caught_text();
	}
	log_set_format(LOG_LOGFMT);
	assert_non_null(strstr(lines[0],
	    " level=info daemon=tester ev=listen port=80 text=\"a "
	    "\\\"b\\\"\" bare=c\n"));
	assert_memory_equal(lines[1], "{\"ts\":\"20", 9);
	assert_non_null(strstr(lines[1],
	    "Z\",\"level\":\"info\",\"daemon\":\"tester\",\"ev\":\"listen\","
	    "\"port\":80,\"text\":\"a \\\"b\\\"\",\"bare\":\"c\"}\n"));
	json_t *o = object_of(lines[1]);
	assert_int_equal(strlen(json_string_value(json_object_get(o, "ts"))),
	    strlen("2024-01-01T00:00:00.000000Z"));
	json_decref(o);
	free(lines[0]);
	free(lines[1]);
}

/* The longest line, of bytes that grow most; and the kept ones. */
static void long_json(void **state)
{
	(void)state;
	char bad[2000];
	memset(bad, 0xff, sizeof bad - 1);
	bad[sizeof bad - 1] = '\0';
	log_init("tester", LOG_INFO);
	log_set_format(LOG_JSON);
	catch_errors();
	for (int i = 0; i < 64; i++)
		log_event(EV_LISTEN, "a=%d b=%s c=%d", i, bad, 1);
	log_dump();
	log_set_format(LOG_LOGFMT);
	char *text = caught_text();
	assert_int_equal(lines_in(text), 64 + 1 + 64);
	const char *dump = strstr(text, "--- last log lines ---\n");
	assert_non_null(dump);
	assert_memory_equal(
	    text, strchr(dump, '\n') + 1, (size_t)(dump - text));
	char *first = strndup(text, strcspn(text, "\n"));
	json_decref(object_of(first));
	free(first);
	free(text);
}

static void *chatter(void *arg)
{
	for (int i = 0; i < 300; i++)
		log_event(EV_LISTEN, "from=%s", log_quote(arg));
	return NULL;
}

/* Threads at once: no line is torn. */
static void threads(void **state)
{
	(void)state;
	static const char *const names[] = {"aaaaaaaa", "bbbbbbbb", "cccccccc"};
	pthread_t ids[3];
	catch_errors();
	for (int i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&ids[i], NULL, chatter,
				     (void *)(uintptr_t)names[i]),
		    0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(pthread_join(ids[i], NULL), 0);
	char *text = caught_text();
	assert_int_equal(lines_in(text), 900);
	for (const char *s = text; *s; s = strchr(s, '\n') + 1) {
		assert_memory_equal(s, "ts=", 3);
		const char *from = strstr(s, " from=\"");
		assert_non_null(from);
		assert_memory_equal(from + 15, "\"\n", 2);
	}
	free(text);
}

/* --- the table -------------------------------------------------------------
 */

static void every_event(void **state)
{
	(void)state;
	assert_int_equal(sizeof events / sizeof *events, EVENT_COUNT);
	for (int i = 0; i < EVENT_COUNT; i++) {
		assert_true(events[i].text[0] != '\0');
		const char *tag = events[i].tag;
		assert_int_equal(
		    strspn(tag, "abcdefghijklmnopqrstuvwxyz._"), strlen(tag));
		for (int k = 0; k < i; k++)
			assert_string_not_equal(tag, events[k].tag);
	}
}

static void page(void **state)
{
	(void)state;
	static const char *const names[] = {"debug", "info", "warn", "error"};
	char *text = NULL;
	size_t len = 0;
	FILE *was = stdout;
	stdout = open_memstream(&text, &len);
	assert_non_null(stdout);
	log_print_docs();
	fclose(stdout);
	stdout = was;
	for (int i = 0; i < EVENT_COUNT; i++) {
		char row[512];
		snprintf(row, sizeof row, "\n| `%s` | %s | %s", events[i].tag,
		    names[events[i].level], events[i].text);
		assert_non_null(strstr(text, row));
	}
	assert_int_equal(lines_in(text), 2 + EVENT_COUNT);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(quoting),
	    cmocka_unit_test(quoting_cuts),
	    cmocka_unit_test(quoting_slots),
	    cmocka_unit_test(a_line),
	    cmocka_unit_test(stays_one_line),
	    cmocka_unit_test(levels),
	    cmocka_unit_test(at_will),
	    cmocka_unit_test(ring),
	    cmocka_unit_test(both_formats),
	    cmocka_unit_test(long_json),
	    cmocka_unit_test(threads),
	    cmocka_unit_test(every_event),
	    cmocka_unit_test(page),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
