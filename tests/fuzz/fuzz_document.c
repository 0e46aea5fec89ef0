/* A document as a client sends it. The first byte chooses the collection, the
 * second what it is: `p` a patch, `i` an increment, `s` the seed's write, or
 * else a whole. What is taken stays so with its defaults, and the writer takes
 * it, too. */
#include "tests/fuzz/fuzz.h"

#include "api/write/validate.h"
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

static void taken(const struct collection *c, struct kind k, const char *s,
    size_t len, const struct validation *v)
{
	char why[DOCUMENT_FAULT_LEN];
	struct jsonslice object;
	struct validation again;
	if (v->filled.len) {
		s = v->filled.data;
		len = v->filled.len;
	}
	CHECK(jsonslice_scan(s, len, &object));
	validate_document(c, k.as, NULL, 0, s, len, &again);
	CHECK(again.validity == VALID && again.filled.len == 0);
	validation_free(&again);
	document_fault(c, k.op, object, why);
	CHECK(why[0] == '\0');
	if (k.op == RECORD_PUT)
		read_back(c, object);
}

int FUZZ_ONE(const uint8_t *data, size_t size)
{
	struct fuzz in = fuzz_of(data, size);
	const struct collection *c = declared(names[fuzz_byte(&in) % NAMES]);
	unsigned what = fuzz_byte(&in);
	struct kind k = kind_of(what);
	struct validation v;
	size_t len;
	char *s = fuzz_rest(&in, &len);
	if (what == 's') {
		c = declared("records");
		validate_seed_write(c, s, len, &v);
	} else {
		validate_document(c, k.as, NULL, 0, s, len, &v);
	}
	if (v.validity == VALID)
		taken(c, k, s, len, &v);
	else
		CHECK(v.validity == NOT_JSON ? v.offset <= len
					     : v.violations.n > 0);
	validation_free(&v);
	free(s);
	return 0;
}
