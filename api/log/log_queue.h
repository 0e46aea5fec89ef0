/* Log lines on their way to standard error, for lines that come with every
 * request: whoever logs them never waits. A thread of its own writes them. If
 * standard error takes them too slowly, lines are left out.
 *
 * Each thread that logs has a lane of its own, so these threads share nothing.
 * The lines of a lane keep their order. Lines of two lanes may be written in
 * another order than they were made in, if not more than 20 ms are between
 * them.
 *
 * The lines of log_event do not come this way: they are few, and the last one
 * before a process ends is the one that matters.
 */
#pragma once

#include <stddef.h>

/* Bytes of a lane that wait at most, with the room for the next line. */
enum { LOG_QUEUE_MAX = 1 << 20 };

/* Starts the thread; once, before there are others. */
void log_queue_start(size_t lanes);
/* Only one thread may use a lane. Room for a line of LOG_LINE_MAX bytes at the
 * end of the lane, until log_queue_put, which must follow soon. NULL: there is
 * no room, or log_queue_start was not called; the line is lost. */
char *log_queue_line(size_t lane);
/* The line is made, and has `len` bytes with its newline. */
void log_queue_put(size_t lane, size_t len);
/* When nobody puts lines any more: writes what waits, and ends the thread. If
 * standard error takes nothing for a second, the rest is lost. */
void log_queue_end(void);
