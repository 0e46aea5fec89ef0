/* The marks in sluice.commits: which writes are decided, and how
 * (common/log/record.h has the format).
 */
#include "common/log/record.h"

#include "common/base/buf.h"
#include "common/base/digits.h"
#include "common/base/mem.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static void write_text(struct buf *out, const char *name, struct jsonslice text)
{
	if (text.s == NULL)
		return;
	buf_printf(out, ",\"%s\":", name);
	buf_json(out, text.s, text.len);
}

static void write_rejection(struct buf *out, const struct record_verdict *v)
{
	buf_printf(out, "{\"version\":\"%" PRIu64 "\",\"reason\":\"%s\"",
	    v->version, reason_row(v->reason)->name);
	write_text(out, "detail", v->detail);
	buf_char(out, '}');
}

static void write_replay(struct buf *out, const struct record_verdict *v)
{
	char first[POSITION_MAX_LEN];
	buf_printf(out, "{\"version\":\"%" PRIu64 "\"", v->version);
	if (v->first.has_position) {
		position_format(v->first.position, first);
		buf_printf(out, ",\"first\":\"%s\"", first);
	}
	write_text(out, "outcome", v->first.outcome);
	write_text(out, "key", v->first.key);
	buf_char(out, '}');
}

static void write_verdicts(
    struct buf *out, const struct record_mark *mark, bool replays)
{
	bool any = false;
	for (size_t i = 0; i < mark->nverdicts; i++) {
		const struct record_verdict *v = &mark->verdicts[i];
		if (v->replayed != replays)
			continue;
		buf_str(out, any       ? ","
			     : replays ? ",\"replays\":["
				       : ",\"rejected\":[");
		any = true;
		if (replays)
			write_replay(out, v);
		else
			write_rejection(out, v);
	}
	buf_str(out, any ? "]" : "");
}

size_t record_verdict_size(const struct record_verdict *v)
{
	enum { NAMES = 160, ESCAPED = 6 };
	return NAMES + ESCAPED * (v->detail.len + v->first.outcome.len +
				     v->first.key.len);
}

void record_mark_write(const struct record_mark *mark, struct buf *out)
{
	/* Versions travel as strings: JSON numbers are doubles to many. */
	buf_printf(out,
	    "{\"from\":\"%" PRIu64 "\",\"through\":\"%" PRIu64
	    "\",\"after\":%" PRId64,
	    mark->from, mark->through, mark->after);
	if (mark->told)
		buf_printf(out, ",\"told\":\"%" PRIu64 "\"", mark->told);
	if (mark->anew)
		buf_str(out, ",\"anew\":true");
	write_verdicts(out, mark, false);
	write_verdicts(out, mark, true);
	buf_char(out, '}');
}

static bool record_version_of(
    const json_t *object, const char *name, version_t *out)
{
	const json_t *v = json_object_get(object, name);
	return json_is_string(v) &&
	       version_parse(json_string_value(v), json_string_length(v), out);
}

static struct jsonslice record_text_of(const json_t *object, const char *name)
{
	const json_t *v = json_object_get(object, name);
	if (!json_is_string(v))
		return (struct jsonslice){0};
	return (struct jsonslice){json_string_value(v), json_string_length(v)};
}

static struct record_first parse_first(const json_t *item)
{
	struct jsonslice position = record_text_of(item, "first");
	struct record_first first = {
	    .outcome = record_text_of(item, "outcome"),
	    .key = record_text_of(item, "key"),
	};
	first.has_position = position.s && position_parse(position.s,
					       position.len, &first.position);
	return first;
}

static bool parse_rejection(const json_t *item, struct record_verdict *v)
{
	struct jsonslice reason = record_text_of(item, "reason");
	if (reason.s == NULL)
		return false;
	v->replayed = strcmp(reason.s, "replayed") == 0; /* a former writer's */
	if (v->replayed) {
		v->first = parse_first(item);
		return true;
	}
	v->reason = reason_parse(reason.s, reason.len);
	v->detail = record_text_of(item, "detail");
	return true;
}

static bool parse_replay(const json_t *item, struct record_verdict *v)
{
	v->replayed = true;
	v->first = parse_first(item);
	return true;
}

static bool parse_list(const json_t *list, struct record_mark *out,
    bool (*parse)(const json_t *item, struct record_verdict *v))
{
	if (list && !json_is_array(list))
		return false; /* its content must not be lost */
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *item = json_array_get(list, i);
		struct record_verdict *v = &out->verdicts[out->nverdicts++];
		if (!record_version_of(item, "version", &v->version) ||
		    v->version < out->from || v->version >= out->through ||
		    !parse(item, v))
			return false;
	}
	return true;
}

static bool parse_verdicts(const json_t *doc, struct record_mark *out)
{
	const json_t *rejected = json_object_get(doc, "rejected");
	const json_t *replays = json_object_get(doc, "replays");
	size_t n = json_array_size(rejected) + json_array_size(replays);
	out->verdicts = mem_zalloc(n * sizeof *out->verdicts);
	return parse_list(rejected, out, parse_rejection) &&
	       parse_list(replays, out, parse_replay);
}

static bool parse_told(const json_t *doc, struct record_mark *out)
{
	return json_object_get(doc, "told") == NULL ||
	       (record_version_of(doc, "told", &out->told) &&
		   out->told < VERSION_MAX);
}

bool record_mark_parse(const rd_kafka_message_t *m, struct record_mark *out)
{
	*out = (struct record_mark){0};
	json_t *doc =
	    m->payload ? json_loadb(m->payload, m->len, 0, NULL) : NULL;
	json_t *after = json_object_get(doc, "after");
	out->after = json_integer_value(after);
	bool ok = record_version_of(doc, "from", &out->from) &&
		  json_is_integer(after) &&
		  record_version_of(doc, "through", &out->through) &&
		  out->from <= out->through && out->through < VERSION_MAX &&
		  out->after >= -1 && out->after < INT64_MAX &&
		  parse_told(doc, out) && parse_verdicts(doc, out);
	out->anew = json_is_true(json_object_get(doc, "anew"));
	out->text = doc;
	if (!ok)
		record_mark_free(out);
	return ok;
}

void record_mark_free(struct record_mark *mark)
{
	free(mark->verdicts);
	json_decref(mark->text);
	*mark = (struct record_mark){0};
}
