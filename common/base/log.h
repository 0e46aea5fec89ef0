/* Log lines are declared (common/base/events.def) and written to standard
 * error, as logfmt: `ts=… level=info ev=batch.committed partition=3 rows=500`;
 * or as JSON, one object a line, with the same names.
 *
 * The name of an event never changes once released. The format string has only
 * the fields. Foreign text must go through log_quote. The last lines are kept
 * in a ring, which a failed CHECK prints. Any thread may log.
 */
#pragma once

#include "common/base/clock.h"

#include <stdbool.h>
#include <stddef.h>

enum log_format { LOG_LOGFMT, LOG_JSON };
enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

#define EVENT(id, tag, level, text) id,
enum event {
#include "common/base/events.def"
	EVENT_COUNT
};
#undef EVENT

/* Sets the daemon's name and the lowest level that is written. */
void log_init(const char *daemon, enum log_level level);
/* Before there are threads. Without a call it is logfmt. */
void log_set_format(enum log_format format);
/* From any thread. */
void log_set_level(enum log_level level);
bool log_level_parse(const char *name, enum log_level *out);

/* Writes the line. If other clients can cause the event at will, at most one
 * line a second is written, with the number of lines that were left out. */
__attribute__((format(printf, 2, 3))) void log_event(
    enum event ev, const char *fields, ...);

enum {
	/* Bytes of a line at most, with its newline, in both formats. */
	LOG_LINE_MAX = 4096,
	/* Bytes of its fields; the rest is cut. */
	LOG_FIELDS_MAX = 900,
};
/* For the line of an event that comes with every request: it is made in place,
 * whatever the level is, and is not kept for log_dump. Begins the line, and
 * returns where its fields begin, which have LOG_FIELDS_MAX bytes. They are
 * made without printf, which costs too much here, and have no control
 * characters. `now` is clock_mono's: the line has this time. */
char *log_line_begin(enum event ev, mono_us_t now, char line[LOG_LINE_MAX]);
/* Ends the line, whose fields end at `end`. `fields` is the format string that
 * would make them, for JSON. Returns the length of the line. */
size_t log_line_end(
    enum event ev, const char *fields, char line[LOG_LINE_MAX], char *end);

/* `"text"` with quotes, backslashes and control bytes escaped, cut at 300
 * bytes; valid until the fourth next call on this thread. */
const char *log_quote(const char *text);

/* Writes the kept lines to standard error; called on the way to abort. */
void log_dump(void);
/* The table as Markdown, for docs/events.md. */
void log_print_docs(void);
