/* gzip: what is packed is what comes out, and never longer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/service/gzip.h"

#include <string.h>
#include <zlib.h>

static void comes_out_as_it_was(void **state)
{
	(void)state;
	static char text[100000], again[sizeof text];
	struct buf packed = {0};
	for (size_t i = 0; i < sizeof text; i++)
		text[i] = "sluice "[i * i % 7];
	buf_str(&packed, "before");
	assert_true(gzip_add(&packed, text, sizeof text));
	assert_memory_equal(packed.data, "before", 6);
	assert_true(packed.len < sizeof text / 10);
	z_stream z = {.next_in = (Bytef *)packed.data + 6,
	    .avail_in = (uInt)packed.len - 6,
	    .next_out = (Bytef *)again,
	    .avail_out = sizeof again};
	assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK); /* gzip only */
	assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
	assert_int_equal(z.total_out, sizeof text);
	assert_int_equal(z.avail_in, 0);
	assert_memory_equal(text, again, sizeof text);
	inflateEnd(&z);
	buf_free(&packed);
}

static void is_never_longer(void **state)
{
	(void)state;
	struct buf packed = {0};
	unsigned char noise[999];
	uint32_t at = 7;
	for (size_t i = 0; i < sizeof noise; i++)
		noise[i] =
		    (unsigned char)((at = at * 1664525 + 1013904223) >> 24);
	assert_false(gzip_add(&packed, "", 0));
	assert_false(gzip_add(&packed, "a", 1));
	assert_false(gzip_add(&packed, (char *)noise, sizeof noise));
	assert_int_equal(packed.len, 0);
	buf_free(&packed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(comes_out_as_it_was),
	    cmocka_unit_test(is_never_longer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
