#include "common/schema/expiry.h"

#include <string.h>

wall_us_t expiry_time(struct jsonslice value)
{
	int64_t time;
	if (value.s == NULL || jsonslice_kind(value) != JSONSLICE_STRING)
		return EXPIRY_NEVER;
	/* No character of a date-time is escaped, but it may be. */
	struct buf text = {0};
	jsonslice_text(&text, value);
	bool is = format_date_time(text.data ? text.data : "", text.len, &time);
	buf_free(&text);
	return is ? time : EXPIRY_NEVER;
}

wall_us_t expiry_of(const struct collection *c, const char *doc, size_t len)
{
	if (c->expires == NULL)
		return EXPIRY_NEVER;
	struct jsonslice value = {0};
	struct jsonslice_member m =
	    jsonslice_members((struct jsonslice){doc, len});
	while (jsonslice_next(&m)) {
		if (jsonslice_equals(
			m.name, c->expires->name, strlen(c->expires->name)))
			value = m.value;
	}
	return expiry_time(value);
}
