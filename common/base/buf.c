#include "common/base/buf.h"

#include "common/base/ascii_scan.h"
#include "common/base/check.h"
#include "common/base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buf_reserve(struct buf *b, size_t cap)
{
	if (cap <= b->cap)
		return;
	b->data = mem_realloc(b->data, cap);
	b->cap = cap;
}

static void reserve(struct buf *b, size_t more)
{
	if (b->len + more + 1 <= b->cap)
		return;
	size_t cap = b->cap ? b->cap : 64;
	while (cap < b->len + more + 1)
		cap *= 2;
	buf_reserve(b, cap);
}

void buf_add(struct buf *b, const void *data, size_t len)
{
	reserve(b, len);
	if (len)
		memcpy(b->data + b->len, data, len);
	b->len += len;
	b->data[b->len] = '\0';
}

void buf_str(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void buf_char(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int need = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	CHECK(need >= 0);
	reserve(b, (size_t)need);
	va_start(ap, fmt);
	vsnprintf(b->data + b->len, (size_t)need + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)need;
}

static void json_escape(struct buf *b, unsigned char c)
{
	switch (c) {
	case '"':
		buf_str(b, "\\\"");
		break;
	case '\\':
		buf_str(b, "\\\\");
		break;
	case '\b':
		buf_str(b, "\\b");
		break;
	case '\f':
		buf_str(b, "\\f");
		break;
	case '\n':
		buf_str(b, "\\n");
		break;
	case '\r':
		buf_str(b, "\\r");
		break;
	case '\t':
		buf_str(b, "\\t");
		break;
	default:
		buf_printf(b, "\\u%04x", c);
		break;
	}
}

void buf_json(struct buf *b, const char *s, size_t len)
{
	buf_char(b, '"');
	for (;;) {
		size_t run = ascii_scan_plain(s, len);
		buf_add(b, s, run);
		if (run == len)
			break;
		json_escape(b, (unsigned char)s[run]);
		s += run + 1;
		len -= run + 1;
	}
	buf_char(b, '"');
}

void buf_drop(struct buf *b, size_t n)
{
	CHECK(n <= b->len);
	if (n == 0)
		return;
	b->len -= n;
	memmove(b->data, b->data + n, b->len + 1);
}

void buf_clear(struct buf *b)
{
	b->len = 0;
	if (b->data)
		b->data[0] = '\0';
}

void buf_free(struct buf *b)
{
	free(b->data);
	*b = (struct buf){0};
}

char *buf_take(struct buf *b, size_t *len)
{
	reserve(b, 0);
	b->data[b->len] = '\0';
	char *data = b->data;
	if (len)
		*len = b->len;
	*b = (struct buf){0};
	return data;
}
