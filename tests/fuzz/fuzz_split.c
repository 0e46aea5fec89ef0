/* The body of a bulk: its items do not depend on how its bytes were cut. The
 * first byte chooses the form, `[` or else lines; the second the longest item;
 * the third where it is cut. */
#include "tests/fuzz/fuzz.h"

#include "api/bulk/bulk_split.h"

/* All that came out, one after the other. */
static void note(
    struct buf *out, const struct bulk_split *s, enum bulk_split_what what)
{
	buf_printf(out, "%d %zu ", (int)what, s->at);
	if (what == BULK_SPLIT_ITEM) {
		CHECK(s->text.len <= s->max);
		buf_add(out, s->text.data, s->text.len);
	}
	if (what == BULK_SPLIT_FAULT)
		buf_str(out, s->fault);
	buf_char(out, '\n');
}

/* `state` 0: in one piece. */
static void feed(
    struct buf *out, struct bulk_split *s, struct fuzz body, unsigned state)
{
	enum bulk_split_what what = BULK_SPLIT_MORE;
	while (body.len && what != BULK_SPLIT_FAULT) {
		size_t n = body.len, used;
		state = state ? state * 1103515245 + 12345 : 0;
		if (state && state / 65536 % 17 < n)
			n = state / 65536 % 17;
		char *piece = mem_dup(body.s, n ? n : 1);
		do {
			what = bulk_split_feed(s, piece, n, &used);
			CHECK(used <= n);
			body.s += used;
			body.len -= used;
			if (what != BULK_SPLIT_MORE)
				note(out, s, what);
			memmove(piece, piece + used, n - used);
			n -= used;
		} while (what != BULK_SPLIT_MORE && what != BULK_SPLIT_FAULT);
		CHECK(what == BULK_SPLIT_FAULT || n == 0);
		free(piece);
	}
	while (what != BULK_SPLIT_END && what != BULK_SPLIT_FAULT) {
		what = bulk_split_finish(s);
		note(out, s, what);
	}
}

static void run(struct buf *out, enum bulk_split_form form, size_t max,
    struct fuzz body, unsigned cuts)
{
	struct bulk_split s;
	bulk_split_start(&s, form, max);
	feed(out, &s, body, cuts);
	bulk_split_free(&s);
}

int FUZZ_ONE(const uint8_t *data, size_t size)
{
	struct fuzz in = fuzz_of(data, size);
	struct buf whole = {0}, cut = {0};
	enum bulk_split_form form =
	    fuzz_byte(&in) == '[' ? BULK_SPLIT_ARRAY : BULK_SPLIT_LINES;
	size_t max = fuzz_byte(&in);
	unsigned cuts = fuzz_byte(&in) + 1;
	run(&whole, form, max, in, 0);
	run(&cut, form, max, in, cuts);
	CHECK(fuzz_same(&whole, &cut));
	buf_free(&whole);
	buf_free(&cut);
	return 0;
}
