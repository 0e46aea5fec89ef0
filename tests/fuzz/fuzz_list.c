/* The query of a list. The first byte chooses the collection; a query follows,
 * `name=value&…`, and behind a newline the inside of a cursor: kind, place.
 * The texts that are made of a query are the same query, and a cursor that was
 * written is read. */
#include "tests/fuzz/fuzz.h"

#include "api/list/list_cursor.h"
#include "api/list/list_query.h"
#include "api/list/list_sql.h"
#include "common/http/path.h"
#include "tests/unit/declared.h"

#include <xxhash.h>

static const char *const names[] = {"samples", "products", "posts", "records"};
enum { NAMES = sizeof names / sizeof names[0] };

static bool add(struct list_query *q, char *pair, struct list_fault *fault)
{
	size_t len = strlen(pair), name = strcspn(pair, "=");
	char *value = pair + name + (name < len);
	len -= (size_t)(value - pair);
	char *decoded = mem_alloc(len + 1);
	long n = path_decode(value, len, decoded);
	bool ok = n >= 0 && memchr(decoded, '\0', (size_t)n) == NULL &&
		  list_query_add(q, pair, name, decoded, (size_t)n, fault);
	free(decoded);
	return ok;
}

/* NULL: it is refused. */
static struct list_query *parse(const struct collection *c, const char *text)
{
	struct list_query *q = list_query_new(c);
	struct list_fault fault = {0};
	char *copy = mem_strdup(text), *save = NULL;
	bool ok = true;
	for (char *pair = strtok_r(copy, "&", &save); ok && pair;
	     pair = strtok_r(NULL, "&", &save))
		ok = add(q, pair, &fault);
	ok = ok && list_query_finish(q, &fault);
	if (!ok) {
		CHECK(strlen(fault.detail) < sizeof fault.detail);
		list_query_unref(&q);
	}
	free(copy);
	return q;
}

static void text_again(const struct list_query *q,
    void (*write)(struct buf *out, const struct list_query *q))
{
	struct buf text = {0}, one = {0}, other = {0};
	write(&text, q);
	struct list_query *again =
	    parse(q->collection, strchr(text.data, '?') + 1);
	CHECK(again != NULL);
	list_query_text(&one, q);
	list_query_text(&other, again);
	CHECK(fuzz_same(&one, &other));
	buf_free(&text);
	buf_free(&one);
	buf_free(&other);
	list_query_unref(&again);
}

static void encode(struct buf *out, const struct buf *b)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789-_";
	for (size_t i = 0; i < b->len; i += 3) {
		size_t n = b->len - i < 3 ? b->len - i : 3;
		unsigned bits = 0;
		for (size_t k = 0; k < n; k++)
			bits |= (unsigned)(unsigned char)b->data[i + k]
				<< (16 - 8 * k);
		for (size_t k = 0; k <= n; k++)
			buf_char(out, digits[bits >> (18 - 6 * k) & 63]);
	}
}

/* A cursor of anything, with what makes it one of this query. */
static void forge(
    struct buf *out, const struct list_query *q, const struct fuzz *inside)
{
	struct buf b = {0}, bound = {0};
	list_query_text(&bound, q);
	uint64_t hash = XXH3_64bits(bound.data, bound.len);
	buf_char(&b, 1);
	for (int i = 7; i >= 0; i--)
		buf_char(&b, (char)(hash >> 8 * i));
	buf_add(&b, inside->s, inside->len);
	hash = XXH3_64bits(b.data, b.len);
	for (int i = 3; i >= 0; i--)
		buf_char(&b, (char)(hash >> 8 * i));
	encode(out, &b);
	buf_free(&b);
	buf_free(&bound);
}

/* Of a value that is too long, a cursor has a bound only. */
static bool is_long(const struct list_place *p)
{
	bool is = false;
	for (size_t i = 0; i < LIST_ORDERS; i++)
		is = is || p->values[i].long_len;
	return is;
}

static void cursor_again(const struct list_query *q, const struct fuzz *inside)
{
	struct buf text = {0}, again = {0};
	struct list_place at, same;
	forge(&text, q, inside);
	if (list_cursor_read(q, text.data, &at)) {
		list_cursor_write(&again, q, &at);
		CHECK(is_long(&at) || fuzz_same(&text, &again));
		CHECK(list_cursor_read(q, again.data, &same));
		CHECK(same.key_len == at.key_len);
		CHECK(memcmp(same.key, at.key, at.key_len) == 0);
		list_place_free(&same);
	}
	list_place_free(&at);
	buf_free(&text);
	buf_free(&again);
}

int FUZZ_ONE(const uint8_t *data, size_t size)
{
	struct fuzz in = fuzz_of(data, size);
	const struct collection *c = declared(names[fuzz_byte(&in) % NAMES]);
	size_t len;
	char *text = fuzz_line(&in, &len);
	struct list_query *q = parse(c, text);
	if (q) {
		struct list_sql sql;
		struct buf id = {0}, export = {0};
		list_sql_export(&export, q, 0);
		CHECK(memchr(export.data, '\0', export.len) == NULL);
		buf_free(&export);
		list_sql_make(&sql, q, 1 << 20, 0);
		list_sql_free(&sql);
		list_query_id(&id, q);
		buf_free(&id);
		text_again(q, list_query_text);
		text_again(q, list_query_link);
		cursor_again(q, &in);
	}
	list_query_unref(&q);
	free(text);
	return 0;
}
