#include "common/http/path.h"

#include "common/base/mem.h"

#include <stdlib.h>
#include <string.h>

static int path_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

long path_decode(const char *s, size_t len, char *out)
{
	size_t n = 0;
	for (size_t i = 0; i < len; i++) {
		if (s[i] != '%') {
			out[n++] = s[i];
			continue;
		}
		int high = i + 2 < len ? path_hex_digit(s[i + 1]) : -1;
		int low = i + 2 < len ? path_hex_digit(s[i + 2]) : -1;
		if (high < 0 || low < 0)
			return -1;
		out[n++] = (char)(high << 4 | low);
		i += 2;
	}
	out[n] = '\0';
	return (long)n;
}

bool path_parse(const char *raw, struct path *out)
{
	*out = (struct path){.bytes = mem_alloc(strlen(raw) + 2)};
	char *to = out->bytes;
	const char *s = raw;
	while (*s == '/') {
		s++;
		if (out->n == PATH_SEGMENTS) {
			out->n++;
			return true;
		}
		size_t len = strcspn(s, "/");
		long n = path_decode(s, len, to);
		if (n < 0)
			return false;
		out->segments[out->n++] =
		    (struct path_segment){to, (size_t)n, *s == '_'};
		/* The NUL takes the byte of the slash. */
		to += n + 1;
		s += len;
	}
	return true;
}

void path_encode(struct buf *out, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		char c = bytes[i];
		bool bare = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
			    (c >= 'a' && c <= 'z') || c == '-' || c == '~' ||
			    (c == '_' && i > 0) || (c == '.' && len > 2);
		if (bare)
			buf_char(out, c);
		else
			buf_printf(out, "%%%02X", (unsigned char)c);
	}
}

void path_free(struct path *p)
{
	free(p->bytes);
	*p = (struct path){0};
}
