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

/* The client's object without its closing bracket; a comma where needed. */
static void add_open_object(struct buf *out, struct jsonraw object)
{
	CHECK(object.len >= 2);
	const char *end = object.s + object.len - 1;
	while (end > object.s + 1 && strchr(" \t\n\r", end[-1]))
		end--;
	buf_add(out, object.s, (size_t)(end - object.s));
	if (end > object.s + 1)
		buf_char(out, ',');
}

void rowset_add(struct buf *out, const struct fold_change *c)
{
	const struct write *w = c->writes[0];
	if (out->len > 1)
		buf_char(out, ',');
	add_open_object(out, c->put);
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
