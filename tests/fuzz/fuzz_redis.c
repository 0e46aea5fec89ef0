/* What is read from Redis. The first byte chooses, the rest is the value. */
#include "tests/fuzz/fuzz.h"

#include "common/cache/l2.h"

static void watermark(const char *s, size_t len)
{
	static const char id[] = "records/some";
	struct l2_watermark w;
	if (l2_watermark_parse(s, len, &w))
		CHECK(l2_generation(s, len, id, strlen(id)) <= VERSION_MAX);
}

static void cursor(const char *s, size_t len)
{
	struct l2_cursor c;
	struct buf again = {0};
	if (!l2_cursor_parse(s, len, &c))
		return;
	CHECK(c.offset >= 0 && c.turn <= VERSION_MAX);
	l2_cursor(&again, &c);
	CHECK(again.len == len && memcmp(again.data, s, len) == 0);
	buf_free(&again);
}

static void entry(const char *s, size_t len)
{
	enum { GENERATION = 7, HEX = VERSION_HEX_LEN };
	struct l2_entry e;
	struct buf again = {0};
	if (!l2_entry_parse(s, len, GENERATION, &e))
		return;
	buf_add(&again, s, HEX);
	l2_payload(&again, &e);
	CHECK(again.len == len && memcmp(again.data, s, len) == 0);
	buf_free(&again);
}

int FUZZ_ONE(const uint8_t *data, size_t size)
{
	struct fuzz in = fuzz_of(data, size);
	unsigned which = fuzz_byte(&in);
	size_t len;
	char *s = fuzz_rest(&in, &len);
	if (which == 'w')
		watermark(s, len);
	else if (which == 'c')
		cursor(s, len);
	else if (which == 'e')
		entry(s, len);
	free(s);
	return 0;
}
