/* {"value":"as the client wrote it","_key":…,"_version":…,"_created_at":…,
 * "_updated_at":…}
 *
 * Our members come last: of members with equal names Postgres takes the last,
 * so that a document which says `_key` itself cannot name another row. That
 * the document is one bracketed object was seen to in write.c.
 */
#include "writer/rowset.h"

#include "common/check.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

void rowset_begin(struct buf *out)
{
	buf_clear(out);
	buf_char(out, '[');
}

void rowset_time(struct buf *out, wall_us_t t)
{
	CHECK(t >= 0);
	time_t secs = (time_t)(t / 1000000);
	struct tm tm;
	char text[32];
	CHECK(gmtime_r(&secs, &tm) != NULL);
	CHECK(strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm) > 0);
	buf_printf(out, "%s.%06dZ", text, (int)(t % 1000000));
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The client's object without its closing bracket; a comma where needed. */
static void add_open_object(struct buf *out, const char *body, size_t len)
{
	while (body[len - 1] != '}')
		len--;
	len--;
	while (is_blank(body[len - 1]))
		len--;
	while (is_blank(*body)) {
		body++;
		len--;
	}
	CHECK(len > 0 && body[0] == '{');
	buf_add(out, body, len);
	if (len > 1)
		buf_char(out, ',');
}

void rowset_add(struct buf *out, const struct fold_change *c)
{
	const struct write *w = c->put;
	if (out->len > 1)
		buf_char(out, ',');
	add_open_object(out, w->body, w->body_len);
	buf_str(out, "\"_key\":");
	buf_json(out, w->key, w->key_len);
	buf_printf(
	    out, ",\"_version\":%" PRIu64 ",\"_created_at\":\"", c->version);
	rowset_time(out, c->created_at);
	buf_str(out, "\",\"_updated_at\":\"");
	rowset_time(out, c->updated_at);
	buf_str(out, "\"}");
}

void rowset_end(struct buf *out)
{
	buf_char(out, ']');
}
