/* What an owner writes. The first byte chooses: `p` a patch of the owner's
 * document, or else a whole. A line with the owner follows, then what the
 * client sends. Whatever is taken, the document that the writer makes of it is
 * the owner's, and nobody else's. */
#include "tests/fuzz/fuzz.h"

#include "api/write/own_document.h"
#include "api/write/validate.h"
#include "common/base/utf8.h"
#include "common/schema/declare.h"
#include "common/schema/owner.h"
#include "writer/decide/document.h"

static const char text[] =
    "{\"name\":\"notes\",\"key\":{\"type\":\"string\"},"
    "\"fields\":{\"owner\":{\"type\":\"string\",\"nullable\":true},"
    "\"text\":{\"type\":\"string\",\"default\":\"\"},"
    "\"any\":{\"type\":\"object\",\"nullable\":true}},"
    "\"access\":{\"customer\":[\"create\",\"update\"]},"
    "\"owner\":{\"field\":\"owner\",\"for\":[\"customer\"]}}";

static const struct collection *notes(void)
{
	static struct declaration *d;
	struct declare_fault fault;
	if (d == NULL)
		d = declare(text, strlen(text), "notes", &fault);
	CHECK(d != NULL);
	return declaration_collection(d);
}

/* The row before a patch: it is the owner's. */
static void begin(const struct collection *c, struct document *d,
    const char *owner, struct buf *row)
{
	struct jsonslice object;
	buf_str(row, "{\"text\":\"{\\\"owner\\\":\\\"x\\\"}\",\"owner\":");
	buf_json(row, owner, strlen(owner));
	buf_str(row, "}");
	CHECK(jsonslice_scan(row->data, row->len, &object));
	document_read(c, object, d);
}

static void is_the_owners(const struct collection *c, bool whole,
    struct jsonslice object, const char *owner)
{
	struct arena arena = {0};
	struct buf row = {0}, other = {0};
	struct document d;
	if (whole) {
		document_read(c, object, &d);
	} else {
		begin(c, &d, owner, &row);
		document_patch(c, &d, object, &arena);
	}
	struct jsonslice made = document_write(c, &d, &arena);
	CHECK(owner_has(c, made.s, made.len, owner, strlen(owner)));
	buf_printf(&other, "%s ", owner);
	CHECK(!owner_has(c, made.s, made.len, other.data, other.len));
	arena_free(&arena);
	buf_free(&row);
	buf_free(&other);
}

static void taken(const struct collection *c, bool whole, const char *s,
    size_t len, const char *owner)
{
	struct validation v;
	struct jsonslice object;
	validate_document(
	    c, whole ? VALIDATE_WHOLE : VALIDATE_PATCH, NULL, 0, s, len, &v);
	if (v.validity == VALID) {
		bool filled = v.filled.len;
		CHECK(jsonslice_scan(filled ? v.filled.data : s,
		    filled ? v.filled.len : len, &object));
		is_the_owners(c, whole, object, owner);
	}
	validation_free(&v);
}

int FUZZ_ONE(const uint8_t *data, size_t size)
{
	struct fuzz in = fuzz_of(data, size);
	const struct collection *c = notes();
	struct buf filled = {0};
	bool whole = fuzz_byte(&in) != 'p';
	size_t owner_len, len;
	char *owner = fuzz_line(&in, &owner_len);
	char *s = fuzz_rest(&in, &len);
	/* A subject is a text of at least one character. */
	if (*owner && utf8_valid(owner, strlen(owner))) {
		switch (own_document(c, whole, s, len, owner, &filled)) {
		case OWN_AS_IS:
			taken(c, whole, s, len, owner);
			break;
		case OWN_FILLED:
			CHECK(whole);
			taken(c, whole, filled.data, filled.len, owner);
			break;
		case OWN_FOREIGN:
			break;
		}
	}
	buf_free(&filled);
	free(owner);
	free(s);
	return 0;
}
