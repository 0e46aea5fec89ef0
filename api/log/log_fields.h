/* The fields of a line that comes with every request, made without printf: it
 * would cost more than the rest of the line (pure core).
 *
 * A line has at most LOG_FIELDS_MAX bytes; what does not fit is cut.
 */
#pragma once

#include "common/base/log.h"

#include <stddef.h>
#include <stdint.h>

struct log_fields {
	size_t len; /* 0 at the beginning */
	char text[LOG_FIELDS_MAX];
};

/* `name`: with what stands around it, ` status=`. The text is one of this
 * program, without blanks and control characters. */
void log_fields_text(struct log_fields *f, const char *name, const char *text);
void log_fields_number(struct log_fields *f, const char *name, int64_t n);
/* Foreign text, as log_quote makes it. */
void log_fields_quoted(
    struct log_fields *f, const char *name, const char *text);
