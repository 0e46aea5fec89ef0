#include "api/openapi/jsonout.h"

#include <inttypes.h>
#include <string.h>

static void jsonout_begin(struct jsonout *j, const char *name)
{
	if (j->follows)
		buf_char(j->out, ',');
	j->follows = true;
	if (name) {
		buf_json(j->out, name, strlen(name));
		buf_char(j->out, ':');
	}
}

void jsonout_open(struct jsonout *j, const char *name, char bracket)
{
	jsonout_begin(j, name);
	buf_char(j->out, bracket);
	j->follows = false;
}

void jsonout_close(struct jsonout *j, char bracket)
{
	buf_char(j->out, bracket);
	j->follows = true;
}

void jsonout_string(struct jsonout *j, const char *name, const char *s)
{
	jsonout_begin(j, name);
	buf_json(j->out, s, strlen(s));
}

void jsonout_bool(struct jsonout *j, const char *name, bool v)
{
	jsonout_begin(j, name);
	buf_str(j->out, v ? "true" : "false");
}

void jsonout_int(struct jsonout *j, const char *name, int64_t v)
{
	jsonout_begin(j, name);
	buf_printf(j->out, "%" PRId64, v);
}

void jsonout_raw(struct jsonout *j, const char *name, struct jsonslice v)
{
	jsonout_begin(j, name);
	buf_add(j->out, v.s, v.len);
}

void jsonout_ref(struct jsonout *j, const char *name, const char *kind,
    const char *prefix, const char *target)
{
	struct buf text = {0};
	buf_printf(&text, "#/components/%s/%s%s", kind, prefix, target);
	jsonout_open(j, name, '{');
	jsonout_string(j, "$ref", text.data);
	jsonout_close(j, '}');
	buf_free(&text);
}
