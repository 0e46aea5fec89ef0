/* The fields of a line that comes with every request, made without printf: it
 * would cost more than the rest of the line (pure core).
 *
 * A line has at most LOG_FIELDS_MAX bytes; what does not fit is cut.
 */
#pragma once

#include "common/base/log.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct log_fields {
	char *at, *end; /* of the room that is left */
};

/* They are made at `room`, which has LOG_FIELDS_MAX bytes. They end at `at`. */
static inline struct log_fields log_fields_begin(char *room)
{
	return (struct log_fields){room, room + LOG_FIELDS_MAX};
}

/* Inline, here and below: a name is a constant, so its bytes are a few stores.
 */
static inline void log_fields_add(
    struct log_fields *f, const char *text, size_t len)
{
	size_t left = (size_t)(f->end - f->at);
	if (len > left) {
		memcpy(f->at, text, left);
		f->at = f->end;
		return;
	}
	memcpy(f->at, text, len);
	f->at += len;
}

/* `name`: with what stands around it, ` status=`. The text is one of this
 * program, without blanks and control characters. */
static inline void log_fields_text(
    struct log_fields *f, const char *name, const char *text)
{
	log_fields_add(f, name, strlen(name));
	log_fields_add(f, text, strlen(text));
}

/* The value alone: as decimal digits, or as log_quote makes it. */
void log_fields_digits(struct log_fields *f, int64_t n);
void log_fields_quote(struct log_fields *f, const char *text);

static inline void log_fields_number(
    struct log_fields *f, const char *name, int64_t n)
{
	log_fields_add(f, name, strlen(name));
	log_fields_digits(f, n);
}

/* Foreign text. */
static inline void log_fields_quoted(
    struct log_fields *f, const char *name, const char *text)
{
	log_fields_add(f, name, strlen(name));
	log_fields_quote(f, text);
}
