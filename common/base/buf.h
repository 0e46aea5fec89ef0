/* A growable byte string, always NUL-terminated. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct buf {
	char *data; /* NULL until something was added */
	size_t len;
	size_t cap;
};

void buf_add(struct buf *b, const void *data, size_t len);
void buf_str(struct buf *b, const char *s);
void buf_char(struct buf *b, char c);
__attribute__((format(printf, 2, 3))) void buf_printf(
    struct buf *b, const char *fmt, ...);
/* A JSON string with its quotes; the input is valid UTF-8. */
void buf_json(struct buf *b, const char *s, size_t len);
/* Makes room for `cap` bytes with the NUL. Without it a buffer doubles. */
void buf_reserve(struct buf *b, size_t cap);
/* Takes the first n bytes away. */
void buf_drop(struct buf *b, size_t n);
void buf_clear(struct buf *b);
void buf_free(struct buf *b);
/* Returns owned bytes (never NULL) and leaves the buffer empty. */
char *buf_take(struct buf *b, size_t *len);
