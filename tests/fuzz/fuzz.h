/* What the fuzz targets share.
 *
 * A target is one function that is given any bytes. It states by CHECK what
 * must hold of them, so that it finds wrong answers, too, and not only faults
 * of memory. The same file is a libFuzzer program (cmake -DSLUICE_FUZZ=ON, run
 * by tests/fuzz/run) and a part of fuzz_replay, which ctest gives the corpus.
 */
#pragma once

#include "common/base/buf.h"
#include "common/base/check.h"
#include "common/base/mem.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#ifndef FUZZ_ONE
#define FUZZ_ONE LLVMFuzzerTestOneInput
#endif

/* Always 0. */
int FUZZ_ONE(const uint8_t *data, size_t size);

/* What is left of an input. */
struct fuzz {
	const char *s;
	size_t len;
};

static inline struct fuzz fuzz_of(const uint8_t *data, size_t size)
{
	return (struct fuzz){(const char *)data, size};
}

/* The next byte; at the end, 0. */
static inline unsigned fuzz_byte(struct fuzz *f)
{
	if (f->len == 0)
		return 0;
	f->len--;
	return (unsigned char)*f->s++;
}

/* Takes what stands in front of the first such byte, which is passed over.
 * Returns owned, NUL-terminated, of just this size: who reads past it is
 * found. */
static inline char *fuzz_until(struct fuzz *f, char end, size_t *len)
{
	const char *at = f->len ? memchr(f->s, end, f->len) : NULL;
	*len = at ? (size_t)(at - f->s) : f->len;
	char *text = mem_strndup(*len ? f->s : "", *len);
	size_t taken = *len + (at != NULL);
	f->s += taken;
	f->len -= taken;
	return text;
}

static inline char *fuzz_line(struct fuzz *f, size_t *len)
{
	return fuzz_until(f, '\n', len);
}

static inline char *fuzz_rest(struct fuzz *f, size_t *len)
{
	char *text = mem_strndup(f->len ? f->s : "", f->len);
	*len = f->len;
	f->len = 0;
	return text;
}

static inline bool fuzz_same(const struct buf *a, const struct buf *b)
{
	return a->len == b->len &&
	       (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}
