/* A document as a client sends it. The first byte chooses the collection, the
 * second what it is: `p` a patch, `i` an increment, `s` the seed's write, or
 * else a whole. What is taken stays so with its defaults, and the writer takes
 * it, too.
 *
 * `K` is a collection whose key is several fields, and whose documents have
 * declared members. A line follows: the key of the path, or nothing. */
#include "tests/fuzz/fuzz.h"

#include "api/core/key_check.h"
#include "api/write/validate.h"
#include "common/schema/declare.h"
#include "common/schema/key_parts.h"
#include "tests/unit/declared.h"
#include "writer/decide/document.h"

static const char *const names[] = {
    "samples", "products", "posts", "records", "counters"};
enum { NAMES = sizeof names / sizeof names[0] };

struct kind {
	enum validate_as as;
	enum record_op op;
};

static struct kind kind_of(unsigned byte)
{
	if (byte == 'p')
		return (struct kind){VALIDATE_PATCH, RECORD_PATCH};
	if (byte == 'i')
		return (struct kind){VALIDATE_INCREMENT, RECORD_INCREMENT};
	return (struct kind){VALIDATE_WHOLE, RECORD_PUT};
}

static void read_back(const struct collection *c, struct jsonslice object)
{
	struct arena arena = {0};
	struct document d;
	struct jsonslice v;
	document_read(c, object, &d);
	struct jsonslice text = document_write(c, &d, &arena);
	CHECK(jsonslice_scan(text.s, text.len, &v));
	arena_free(&arena);
}

static void taken(const struct collection *c, struct kind k,
    const struct buf *key, const char *s, size_t len,
    const struct validation *v)
{
	char why[DOCUMENT_FAULT_LEN];
	struct jsonslice object;
	struct validation again;
	if (v->filled.len) {
		s = v->filled.data;
		len = v->filled.len;
	}
	CHECK(jsonslice_scan(s, len, &object));
	validate_document(c, k.as, key->data, key->len, s, len, &again);
	CHECK(again.validity == VALID && again.filled.len == 0);
	validation_free(&again);
	document_fault(c, k.op, object, why);
	CHECK(why[0] == '\0');
	if (k.op == RECORD_PUT)
		read_back(c, object);
}

/* --- keys of several fields ----------------------------------------------- */

static const struct collection *parts(void)
{
	static const char text[] =
	    "{\"name\":\"parts\",\"key\":[\"a\",\"n\",\"u\",\"d\"],\"fields\":{"
	    "\"a\":{\"type\":\"string\",\"maxLength\":9},"
	    "\"n\":{\"type\":\"integer\",\"format\":\"int16\",\"minimum\":-9},"
	    "\"u\":{\"type\":\"string\",\"format\":\"uuid\"},"
	    "\"d\":{\"type\":\"string\",\"format\":\"date\"},"
	    "\"o\":{\"type\":\"object\",\"nullable\":true,\"required\":[\"x\"],"
	    "\"properties\":{\"x\":{\"type\":\"integer\",\"minimum\":1},"
	    "\"l\":{\"type\":\"array\",\"items\":{\"type\":\"object\","
	    "\"properties\":{\"s\":{\"type\":\"string\",\"maxLength\":3}},"
	    "\"required\":[\"s\"],\"additionalProperties\":false}}}}}}";
	static struct declaration *made;
	struct declare_fault fault;
	if (made == NULL)
		made = declare(text, sizeof text - 1, "parts", &fault);
	CHECK(made != NULL);
	return declaration_collection(made);
}

/* Its values make the same text again. */
static void key_again(const struct collection *c, const struct buf *key)
{
	struct buf again = {0};
	CHECK(key_parts_valid(c, key->data, key->len));
	for (size_t i = 0; i < c->nparts; i++) {
		struct buf value = {0};
		struct jsonslice v;
		key_parts_json(&value, c, key->data, key->len, i);
		CHECK(jsonslice_scan(value.data, value.len, &v));
		buf_str(&again, i ? "," : "");
		key_parts_add(&again, c->parts[i], v);
		buf_free(&value);
	}
	CHECK(fuzz_same(&again, key));
	buf_free(&again);
}

/* False: it is no key. */
static bool key_taken(const struct collection *c, const struct buf *key)
{
	struct violations v = {0};
	bool good = key_check(c, key->data, key->len, &v);
	CHECK(good == (v.n == 0));
	if (good)
		key_again(c, key);
	violations_free(&v);
	return good;
}

/* --- any ------------------------------------------------------------------ */

static void document(const struct collection *c, unsigned what,
    const struct buf *key, const char *s, size_t len)
{
	struct kind k = kind_of(what);
	struct validation v;
	if (what == 's')
		validate_seed_write(c, s, len, &v);
	else
		validate_document(c, k.as, key->data, key->len, s, len, &v);
	if (v.validity == VALID)
		taken(c, k, key, s, len, &v);
	else
		CHECK(v.validity == NOT_JSON ? v.offset <= len
					     : v.violations.n > 0);
	if (v.validity == VALID && c->nparts && v.key.data)
		key_again(c, &v.key);
	validation_free(&v);
}

int FUZZ_ONE(const uint8_t *data, size_t size)
{
	struct fuzz in = fuzz_of(data, size);
	unsigned which = fuzz_byte(&in);
	const struct collection *c = declared(names[which % NAMES]);
	struct buf key = {0};
	size_t len;
	if (which == 'K') {
		char *line = fuzz_line(&in, &len);
		c = parts();
		if (len)
			buf_add(&key, line, len);
		free(line);
		if (key.len && !key_taken(c, &key)) {
			buf_free(&key);
			return 0;
		}
	}
	unsigned what = fuzz_byte(&in);
	char *s = fuzz_rest(&in, &len);
	document(what == 's' ? declared("records") : c, what, &key, s, len);
	buf_free(&key);
	free(s);
	return 0;
}
