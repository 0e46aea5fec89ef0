#include "api/log/log_fields.h"

#include "common/base/ascii_scan.h"

#include <string.h>

enum { QUOTED_MAX = 299, DIGITS = 20 };

static void add(struct log_fields *f, const char *s, size_t len)
{
	size_t room = LOG_FIELDS_MAX - f->len;
	len = len < room ? len : room;
	memcpy(f->text + f->len, s, len);
	f->len += len;
}

static void add_char(struct log_fields *f, char c)
{
	if (f->len < LOG_FIELDS_MAX)
		f->text[f->len++] = c;
}

void log_fields_text(struct log_fields *f, const char *name, const char *text)
{
	add(f, name, strlen(name));
	add(f, text, strlen(text));
}

void log_fields_number(struct log_fields *f, const char *name, int64_t n)
{
	char digits[DIGITS];
	size_t at = DIGITS;
	uint64_t left = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
	add(f, name, strlen(name));
	if (n < 0)
		add_char(f, '-');
	do {
		digits[--at] = (char)('0' + left % 10);
		left /= 10;
	} while (left);
	add(f, digits + at, DIGITS - at);
}

void log_fields_quoted(struct log_fields *f, const char *name, const char *text)
{
	size_t len = strnlen(text, QUOTED_MAX);
	while (len && (unsigned char)text[len - 1] <= 0x20)
		len--;
	add(f, name, strlen(name));
	add_char(f, '"');
	while (len) {
		size_t run = ascii_scan_plain(text, len);
		add(f, text, run);
		text += run;
		len -= run;
		if (len == 0)
			break;
		if (*text == '"' || *text == '\\')
			add_char(f, '\\');
		add_char(f, (unsigned char)*text < 0x20 ? ' ' : *text);
		text++;
		len--;
	}
	add_char(f, '"');
}
