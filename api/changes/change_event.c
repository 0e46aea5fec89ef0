#include "api/changes/change_event.h"

#include "common/schema/owner.h"

#include <inttypes.h>
#include <string.h>

/* Appends JSON without line breaks: they may stand between its tokens, and
 * would end the data of the event. */
static void one_line(struct buf *out, const char *s, size_t len)
{
	for (size_t i = 0; i < len;) {
		const char *stop = memchr(s + i, '\n', len - i);
		size_t n = stop ? (size_t)(stop - s) - i : len - i;
		buf_add(out, s + i, n);
		if (stop)
			buf_str(out, "\ndata: ");
		i += n + (stop != NULL);
	}
}

bool change_event_narrow(
    const struct collection *c, const char *owner, struct record_commit *commit)
{
	if (owner == NULL)
		return true;
	size_t len = strlen(owner);
	commit->by = (struct record_text){0};
	if (commit->doc &&
	    owner_has(c, commit->doc, commit->doc_len, owner, len))
		return true;
	if (commit->owner_was.s == NULL || commit->owner_was.len != len ||
	    memcmp(commit->owner_was.s, owner, len) != 0)
		return false;
	commit->op = RECORD_DELETE;
	commit->doc = NULL;
	commit->omitted = false;
	return true;
}

void change_event_commit(struct buf *out, const struct collection *c,
    const struct record_commit *commit)
{
	size_t prefix = strlen(c->name) + 1;
	buf_printf(
	    out, "event: %s\ndata: {\"key\":", record_op_name(commit->op));
	buf_json(out, commit->id + prefix, commit->id_len - prefix);
	buf_printf(out, ",\"version\":\"%" PRIu64 "\"", commit->version);
	if (commit->by.s) {
		buf_str(out, ",\"by\":");
		buf_json(out, commit->by.s, commit->by.len);
	}
	if (commit->doc) {
		buf_str(out, ",\"document\":");
		one_line(out, commit->doc, commit->doc_len);
	}
	buf_str(out, "}\n\n");
}

void change_event_reset(struct buf *out, int32_t partition)
{
	buf_printf(out, "event: reset\ndata: {\"partition\":%" PRId32 "}\n\n",
	    partition);
}
