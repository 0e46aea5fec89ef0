#include "api/log/log_fields.h"

#include "common/base/ascii_scan.h"
#include "common/base/digits.h"

#include <string.h>

enum { QUOTED_MAX = 299 };

static void add_char(struct log_fields *f, char c)
{
	log_fields_add(f, &c, 1);
}

void log_fields_digits(struct log_fields *f, int64_t n)
{
	char text[1 + DIGITS_DECIMAL], *end = text + sizeof text;
	uint64_t size = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
	char *at = digits_decimal(end, size);
	if (n < 0)
		*--at = '-';
	log_fields_add(f, at, (size_t)(end - at));
}

void log_fields_quote(struct log_fields *f, const char *text)
{
	size_t len = strnlen(text, QUOTED_MAX);
	while (len && (unsigned char)text[len - 1] <= 0x20)
		len--;
	add_char(f, '"');
	while (len) {
		size_t run = ascii_scan_plain(text, len);
		log_fields_add(f, text, run);
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
