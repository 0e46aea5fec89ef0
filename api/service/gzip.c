#include "api/service/gzip.h"

#include "common/base/check.h"
#include "common/base/mem.h"

#include <limits.h>
#include <stdlib.h>
#include <zlib.h>

/* The window and the memory are the greatest that zlib has. 16 more: a gzip
 * header, without a name and a time, so that equal bytes have equal forms. */
enum { WINDOW_BITS = 15 + 16, MEMORY_LEVEL = 9 };

bool gzip_add(struct buf *out, const char *bytes, size_t len)
{
	z_stream z = {0};
	/* It can only fail for want of memory. */
	CHECK(deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, WINDOW_BITS,
		  MEMORY_LEVEL, Z_DEFAULT_STRATEGY) == Z_OK);
	CHECK(len <= UINT_MAX);
	char *form = mem_alloc(len + 1);
	z.next_in = (z_const Bytef *)bytes;
	z.avail_in = (uInt)len;
	z.next_out = (Bytef *)form;
	z.avail_out = (uInt)len;
	/* Z_OK: there was too little room for all of it. */
	bool shorter = deflate(&z, Z_FINISH) == Z_STREAM_END && z.avail_out > 0;
	if (shorter)
		buf_add(out, form, (size_t)z.total_out);
	deflateEnd(&z);
	free(form);
	return shorter;
}
