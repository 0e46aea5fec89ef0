/* Log lines on their way to standard error, for lines that come with every
 * request: whoever logs them never waits. A thread of its own writes them. If
 * standard error takes them too slowly, lines are left out.
 *
 * The lines of log_event do not come this way: they are few, and the last one
 * before a process ends is the one that matters.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Bytes that wait at most. */
enum { LOG_QUEUE_MAX = 1 << 20 };

/* Starts the thread; once. */
void log_queue_start(void);
/* Any thread: puts a line, with its newline, at the end. False: there is no
 * room, or the thread does not run; the line is lost. */
bool log_queue_put(const char *line, size_t len);
/* Writes what waits, and ends the thread. If standard error takes nothing for a
 * second, the rest is lost. */
void log_queue_end(void);
