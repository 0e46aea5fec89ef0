#include "common/base/log.h"

#include "common/base/buf.h"
#include "common/base/check.h"
#include "common/base/clock.h"
#include "common/base/log_json.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
	/* Of a line as logfmt. As JSON, a byte becomes three at most, and a
	 * field has five more (quotes, colon, comma): LOG_LINE_MAX. */
	LINE_MAX_LEN = 1024,
	/* Bytes in front of the fields. */
	HEAD_MAX = 120,
	TS_LEN = 32,
	KEPT = 64,
	QUOTE_MAX = 300,
	QUIET_US = 1000000,
};

struct event_row {
	const char *tag;
	enum log_level level;
	const char *text;
	bool at_will;
};

#define EVENT(id, tag, level, text) [id] = {tag, level, text, false},
#define EVENT_AT_WILL(id, tag, level, text) [id] = {tag, level, text, true},
static const struct event_row events[EVENT_COUNT] = {
#include "common/base/events.def"
};
#undef EVENT

static const char *const level_names[] = {"debug", "info", "warn", "error"};

/* Global, because a log has no owner that could pass it along. */
static struct {
	pthread_mutex_t lock;
	_Atomic enum log_level level;
	_Atomic enum log_format format;
	const char *daemon;
	/* For EVENT_AT_WILL: at most one line a second. */
	struct {
		mono_us_t until; /* no line before this time */
		unsigned left_out;
	} quiet[EVENT_COUNT];
	unsigned next;
	char kept[KEPT][LOG_LINE_MAX];
} sink = {
    .lock = PTHREAD_MUTEX_INITIALIZER, .level = LOG_INFO, .daemon = "sluice"};

void log_init(const char *daemon, enum log_level level)
{
	sink.daemon = daemon;
	sink.level = level;
}

void log_set_format(enum log_format format)
{
	sink.format = format;
}

void log_set_level(enum log_level level)
{
	sink.level = level;
}

bool log_level_parse(const char *name, enum log_level *out)
{
	for (int i = LOG_DEBUG; i <= LOG_ERROR; i++) {
		if (strcmp(name, level_names[i]) != 0)
			continue;
		*out = (enum log_level)i;
		return true;
	}
	return false;
}

static void put_microseconds(char out[6], int64_t now)
{
	unsigned us = (unsigned)(now % 1000000);
	for (int i = 5; i >= 0; i--, us /= 10)
		out[i] = (char)('0' + us % 10);
}

static void log_time(char out[TS_LEN], wall_us_t now)
{
	static _Thread_local time_t made;
	static _Thread_local char second[TS_LEN];
	time_t secs = (time_t)(now / 1000000);
	if (secs != made || second[0] == '\0') {
		struct tm tm;
		gmtime_r(&secs, &tm);
		strftime(second, TS_LEN, "%Y-%m-%dT%H:%M:%S.", &tm);
		made = secs;
	}
	char *end = stpcpy(out, second);
	put_microseconds(end, now);
	strcpy(end + 6, "Z");
}

/* What is in front of the event's own fields. */
static size_t prefix(
    char *line, const struct event_row *row, wall_us_t now, unsigned left_out)
{
	char ts[TS_LEN];
	log_time(ts, now);
	char *end = stpcpy(stpcpy(line, "ts="), ts);
	end = stpcpy(stpcpy(end, " level="), level_names[row->level]);
	end = stpcpy(stpcpy(end, " daemon="), sink.daemon);
	end = stpcpy(stpcpy(end, " ev="), row->tag);
	if (left_out)
		end += snprintf(end, 24, " left_out=%u", left_out);
	return (size_t)(end - line);
}

/* The heads of the lines of an event that comes with every request: within a
 * second, they differ in the microseconds only. */
struct log_head {
	const struct event_row *row; /* NULL: none is made */
	const char *daemon;
	mono_us_t from, until; /* the second */
	size_t len;
	char text[LINE_MAX_LEN];
};

static void log_head_make(
    struct log_head *h, const struct event_row *row, mono_us_t now)
{
	wall_us_t wall = clock_wall() - (clock_mono() - now);
	h->row = row;
	h->daemon = sink.daemon;
	h->from = now - wall % 1000000;
	h->until = h->from + 1000000;
	h->len = prefix(h->text, row, wall, 0);
	h->text[h->len++] = ' ';
	CHECK(h->len <= HEAD_MAX);
}

/* One reading of the clock serves the whole line: the wall clock is only read
 * once a second. */
static size_t log_head(char *line, const struct event_row *row, mono_us_t now)
{
	enum { MICROSECONDS = sizeof "ts=2026-01-01T00:00:00." - 1 };
	static _Thread_local struct log_head h;
	if (h.row != row || now < h.from || now >= h.until ||
	    h.daemon != sink.daemon)
		log_head_make(&h, row, now);
	memcpy(line, h.text, h.len);
	put_microseconds(line + MICROSECONDS, now - h.from);
	return h.len;
}

static void prefix_json(
    struct buf *line, const struct event_row *row, unsigned left_out)
{
	char ts[TS_LEN];
	log_time(ts, clock_wall());
	buf_printf(line,
	    "{\"ts\":\"%s\",\"level\":\"%s\",\"daemon\":\"%s\",\"ev\":\"%s\"",
	    ts, level_names[row->level], sink.daemon, row->tag);
	if (left_out)
		buf_printf(line, ",\"left_out\":%u", left_out);
}

/* Replaces control characters, so that the event stays one line. */
static void flatten(char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)text[i] < 0x20)
			text[i] = ' ';
	}
}

static void keep_and_write(const char *line, size_t len)
{
	pthread_mutex_lock(&sink.lock);
	memcpy(sink.kept[sink.next++ % KEPT], line, len + 1);
	/* If standard error is gone (a closed pipe), the process goes on. The
	 * line stays in the ring. */
	ssize_t ignored = write(STDERR_FILENO, line, len);
	(void)ignored;
	pthread_mutex_unlock(&sink.lock);
}

/* False: the line is left out. */
static bool takes_turn(enum event ev, unsigned *left_out)
{
	mono_us_t now = clock_mono();
	pthread_mutex_lock(&sink.lock);
	bool now_it_is = now >= sink.quiet[ev].until;
	*left_out = sink.quiet[ev].left_out;
	sink.quiet[ev].left_out = now_it_is ? 0 : *left_out + 1;
	if (now_it_is)
		sink.quiet[ev].until = now + QUIET_US;
	pthread_mutex_unlock(&sink.lock);
	return now_it_is;
}

static struct buf log_line_json(const struct event_row *row, unsigned left_out,
    const char *fields, const char *text, size_t len)
{
	struct buf line = {0};
	prefix_json(&line, row, left_out);
	log_json_fields(&line, fields, text, len);
	buf_str(&line, "}\n");
	CHECK(line.len < LOG_LINE_MAX);
	return line;
}

static void log_write(const struct event_row *row, unsigned left_out,
    const char *fields, va_list ap)
{
	char line[LINE_MAX_LEN];
	bool json = sink.format == LOG_JSON;
	size_t len = json ? 0 : prefix(line, row, clock_wall(), left_out);
	if (fields[0] != '\0') {
		line[len++] = ' ';
		int n =
		    vsnprintf(line + len, LINE_MAX_LEN - len - 2, fields, ap);
		len += n > 0 ? (size_t)n : 0;
		if (len > LINE_MAX_LEN - 3)
			len = LINE_MAX_LEN - 3;
	}
	flatten(line, len);
	if (json) {
		struct buf object =
		    log_line_json(row, left_out, fields, line, len);
		keep_and_write(object.data, object.len);
		buf_free(&object);
		return;
	}
	line[len++] = '\n';
	line[len] = '\0';
	keep_and_write(line, len);
}

void log_event(enum event ev, const char *fields, ...)
{
	const struct event_row *row = &events[ev];
	unsigned left_out = 0;
	va_list ap;
	if (row->level < sink.level ||
	    (row->at_will && !takes_turn(ev, &left_out)))
		return;
	va_start(ap, fields);
	log_write(row, left_out, fields, ap);
	va_end(ap);
}

/* A line as JSON begins when its fields are known. */
char *log_line_begin(enum event ev, mono_us_t now, char line[LOG_LINE_MAX])
{
	bool json = sink.format == LOG_JSON;
	return line + (json ? 0 : log_head(line, &events[ev], now));
}

size_t log_line_end(
    enum event ev, const char *fields, char line[LOG_LINE_MAX], char *end)
{
	size_t len = (size_t)(end - line);
	CHECK(len <= HEAD_MAX + LOG_FIELDS_MAX);
	if (sink.format == LOG_LOGFMT) {
		line[len] = '\n';
		return len + 1;
	}
	struct buf object = log_line_json(&events[ev], 0, fields, line, len);
	memcpy(line, object.data, object.len);
	len = object.len;
	buf_free(&object);
	return len;
}

const char *log_quote(const char *text)
{
	static _Thread_local char slots[4][QUOTE_MAX + 8];
	static _Thread_local unsigned next;
	char *out = slots[next++ % 4];
	size_t n = 0;
	out[n++] = '"';
	for (const char *s = text ? text : ""; *s && n < QUOTE_MAX; s++) {
		if (*s == '"' || *s == '\\')
			out[n++] = '\\';
		out[n++] = (unsigned char)*s < 0x20 ? ' ' : *s;
	}
	while (n > 1 && out[n - 1] == ' ')
		n--;
	out[n++] = '"';
	out[n] = '\0';
	return out;
}

void log_dump(void)
{
	static const char head[] = "--- last log lines ---\n";
	ssize_t ignored = write(STDERR_FILENO, head, sizeof head - 1);
	for (unsigned i = 0; i < KEPT; i++) {
		const char *line = sink.kept[(sink.next + i) % KEPT];
		ignored = write(STDERR_FILENO, line, strlen(line));
	}
	(void)ignored;
}

void log_print_docs(void)
{
	static const char seldom[] = " At most one line a second; `left_out` "
				     "is how many came between.";
	printf("| event | level | what it says |\n|---|---|---|\n");
	for (int i = 0; i < EVENT_COUNT; i++)
		printf("| `%s` | %s | %s%s |\n", events[i].tag,
		    level_names[events[i].level], events[i].text,
		    events[i].at_will ? seldom : "");
}
