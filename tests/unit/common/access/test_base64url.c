/* base64url: the vectors of RFC 4648, 10, every length both ways, and every
 * other spelling refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/access/base64url.h"

#include <string.h>

static const struct {
	const char *bytes, *text;
} vectors[] = {
    {"", ""},
    {"f", "Zg"},
    {"fo", "Zm8"},
    {"foo", "Zm9v"},
    {"foob", "Zm9vYg"},
    {"fooba", "Zm9vYmE"},
    {"foobar", "Zm9vYmFy"},
    {"\xfb\xff\xbf", "-_-_"},
};

static void follows_the_vectors(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
		const char *bytes = vectors[i].bytes, *text = vectors[i].text;
		struct buf b = {0};
		buf_str(&b, "<");
		base64url_encode(&b, bytes, strlen(bytes));
		assert_string_equal(b.data + 1, text);
		assert_int_equal(base64url_length(strlen(bytes)), strlen(text));
		b.len = 1;
		assert_true(base64url_decode(&b, text, strlen(text)));
		assert_int_equal(b.len, 1 + strlen(bytes));
		assert_memory_equal(b.data + 1, bytes, strlen(bytes));
		buf_free(&b);
	}
}

static void comes_back_as_it_went(void **state)
{
	(void)state;
	unsigned char bytes[300];
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (unsigned char)(i * 89 + 7);
	for (size_t len = 0; len <= sizeof bytes; len++) {
		struct buf text = {0}, back = {0};
		base64url_encode(&text, bytes, len);
		assert_int_equal(text.len, base64url_length(len));
		assert_true(base64url_decode(
		    &back, text.data ? text.data : "", text.len));
		assert_int_equal(back.len, len);
		assert_memory_equal(back.data, bytes, len);
		buf_free(&text);
		buf_free(&back);
	}
}

/* A text that is taken is the one that its bytes are written as. */
static void has_one_spelling(void **state)
{
	(void)state;
	for (unsigned n = 0; n < 256 * 256; n++) {
		const char s[4] = {'A', 'A', (char)(n >> 8), (char)n};
		for (size_t len = 1; len <= 4; len++) {
			struct buf bytes = {0}, again = {0};
			if (base64url_decode(&bytes, s + 4 - len, len)) {
				base64url_encode(&again, bytes.data, bytes.len);
				assert_int_equal(again.len, len);
				assert_memory_equal(
				    again.data, s + 4 - len, len);
			}
			buf_free(&bytes);
			buf_free(&again);
		}
	}
}

static void refuses_the_rest(void **state)
{
	(void)state;
	static const char *const wrong[] = {"A", "AAAAA", "Zh", "Zm9",
	    "Zg==", "Zm8=", "Zm9v=", "Zm9v\n", " Zm9v", "Zm 9v", "Zm+v", "Zm/v",
	    "Zm.v", "Zm\xc3\xa4", "="};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct buf b = {0};
		buf_str(&b, "kept");
		assert_false(base64url_decode(&b, wrong[i], strlen(wrong[i])));
		assert_string_equal(b.data, "kept");
		assert_int_equal(b.len, 4);
		buf_free(&b);
	}
	struct buf b = {0};
	assert_false(base64url_decode(&b, "Zm9v\0", 5));
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(follows_the_vectors),
	    cmocka_unit_test(comes_back_as_it_went),
	    cmocka_unit_test(has_one_spelling),
	    cmocka_unit_test(refuses_the_rest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
