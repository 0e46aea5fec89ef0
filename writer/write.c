/* From a record of the log to a write.
 *
 * The API validates before it appends, but anybody may append to a topic. A
 * record that is not one of ours must neither stop its partition nor harm
 * another row, so here it is made certain that
 *
 *  - the id names a known collection and a key that Postgres takes as text;
 *  - a document is bracketed: spliced into an array of objects it stays one
 *    element of it. `{"value":1},{"_key":"other"}` is two, and is refused.
 *
 * What else may be wrong with it (no JSON inside the brackets, a value that
 * does not fit its column) makes Postgres fail the batch, and bisection finds
 * it (partition.c).
 */
#include "writer/write.h"

#include "common/mem.h"
#include "common/utf8.h"

#include <stdlib.h>
#include <string.h>

/* 9999-12-31T23:59:59.999999Z: what Postgres and RFC 3339 can write. */
#define LATEST ((wall_us_t)253402300799999999)

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The index behind the string that begins at s[i], or len. */
static size_t skip_string(const char *s, size_t i, size_t len)
{
	for (i++; i < len; i++) {
		if (s[i] == '\\')
			i++;
		else if (s[i] == '"')
			return i + 1;
	}
	return len;
}

bool write_is_object(const char *body, size_t len)
{
	size_t depth = 0;
	while (len && is_blank(body[len - 1]))
		len--;
	size_t i = 0;
	while (i < len && is_blank(body[i]))
		i++;
	if (i >= len || body[i] != '{' || body[len - 1] != '}')
		return false;
	while (i < len) {
		char c = body[i];
		if (c == '"') {
			i = skip_string(body, i, len);
			continue;
		}
		if (c == '{' || c == '[')
			depth++;
		i++;
		if ((c == '}' || c == ']') && --depth == 0)
			return c == '}' && i == len;
	}
	return false;
}

bool write_is_text(const char *s, size_t len)
{
	return memchr(s, '\0', len) == NULL && utf8_valid(s, len);
}

static const char *wrong_with(struct write *w)
{
	size_t n = record_collection_len(w->id, w->id_len);
	w->collection = n ? collection_find(w->id, n) : NULL;
	if (w->collection == NULL)
		return "the key names no collection";
	w->key = w->id + n + 1;
	w->key_len = w->id_len - n - 1;
	if (w->key_len == 0 || w->key_len > COLLECTION_KEY_MAX ||
	    !write_is_text(w->key, w->key_len))
		return "the key is empty, too long or no text";
	if (w->accepted_at < 0 || w->accepted_at > LATEST)
		return "accepted-at is no time";
	if (w->op == RECORD_PUT && !write_is_object(w->body, w->body_len))
		return "the document is not one JSON object";
	return NULL;
}

void write_read(struct write *w, rd_kafka_message_t *m, uint32_t epoch)
{
	struct record_write r;
	bool ok = record_write_parse(m, &r);
	*w = (struct write){
	    .message = m,
	    .version = version_make(epoch, m->offset),
	    .op = r.op,
	    .has_op = ok,
	    .id = m->key ? m->key : "",
	    .id_len = m->key_len,
	    .body = m->payload ? m->payload : "",
	    .body_len = m->len,
	    .accepted_at = ok ? r.accepted_at : 0,
	};
	const char *wrong =
	    ok ? wrong_with(w) : "headers or key are missing or malformed";
	if (wrong == NULL)
		return;
	write_refuse(w, REASON_MALFORMED, wrong);
	if (w->accepted_at < 0 || w->accepted_at > LATEST)
		w->accepted_at = 0;
}

void write_refuse(struct write *w, enum reason reason, const char *detail)
{
	free(w->detail);
	w->refused = reason;
	w->detail = detail && *detail ? mem_strdup(detail) : NULL;
}

void write_clear(struct write *w)
{
	if (w->message)
		rd_kafka_message_destroy(w->message);
	free(w->detail);
	*w = (struct write){0};
}
