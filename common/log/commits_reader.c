#include "common/log/commits_reader.h"

#include "common/log/renamed.h"
#include "common/log/scan_back.h"

void commits_reader_move(struct commits_reader *r, int64_t offset)
{
	r->next = offset;
	r->moving = true;
}

void commits_reader_search(struct commits_reader *r, int reach)
{
	r->reach = reach;
	commits_reader_move(r, scan_back_offset(reach));
}

/* Either a stored offset is not in the log any more: then the search begins at
 * the end, where the newest marks are. Or the log is shorter than the reach. */
void commits_reader_lost(struct commits_reader *r)
{
	commits_reader_search(
	    r, r->next < 0 ? SCAN_BACK_WHOLE : SCAN_BACK_FIRST);
}

void commits_reader_assigned(struct commits_reader *r)
{
	r->moving = false;
}

bool commits_reader_takes(struct commits_reader *r, int64_t offset)
{
	if (r->moving || (r->next >= 0 && offset < r->next))
		return false;
	r->next = offset + 1;
	return true;
}

bool commits_reader_is_whole(const struct commits_reader *r, int64_t end)
{
	return scan_back_is_whole(r->reach, end);
}

bool commits_reader_retry(struct commits_reader *r, int64_t end)
{
	if (commits_reader_is_whole(r, end))
		return false;
	commits_reader_search(r, r->reach + 1);
	return true;
}

/* --- messages ------------------------------------------------------------ */

/* Only of the collections that this process knows. */
static void commits_rename(struct commits_message *out)
{
	struct record_commit *r = &out->record;
	const struct collection *c =
	    r->doc ? collection_find(
			 r->id, record_collection_len(r->id, r->id_len))
		   : NULL;
	if (c == NULL ||
	    !renamed_document(&out->renamed, c, r->doc, r->doc_len))
		return;
	r->doc = out->renamed.data;
	r->doc_len = out->renamed.len;
}

void commits_message_parse(const rd_kafka_message_t *m, int32_t partitions,
    struct commits_message *out)
{
	*out = (struct commits_message){.kind = COMMITS_MALFORMED};
	if (record_is_newer(m, STORED_COMMITS)) {
		out->kind = COMMITS_NEWER;
	} else if (record_is_mark(m)) {
		if (!record_is_known(m, STORED_COMMITS) ||
		    !record_mark_parse(m, &out->mark))
			return;
		out->kind = COMMITS_MARK;
		out->through = out->mark.through;
	} else {
		if (!record_commit_parse(m, partitions, &out->record))
			return;
		commits_rename(out);
		out->kind = COMMITS_RECORD;
		out->through = out->record.version + 1;
	}
}

void commits_message_free(struct commits_message *c)
{
	if (c->kind == COMMITS_MARK)
		record_mark_free(&c->mark);
	buf_free(&c->renamed);
}
