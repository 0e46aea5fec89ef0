#include "api/core/key_check.h"

#include "common/base/utf8.h"

#include <string.h>

const char *key_check_form(const struct collection *c)
{
	static const char *const forms[] = {
	    [KEY_STRING] = "must be a string",
	    [KEY_INTEGER] = "must be a 64-bit integer",
	    [KEY_UUIDV7] = "must be a UUID in lower case",
	    [KEY_PARTS] =
		"must be the parts of the key, in order, joined by commas, "
		"each as documents that are read have it: an integer in its "
		"shortest form, a UUID in lower case, a time in UTC; in a "
		"string, % is %25 and , is %2C",
	};
	if (c->key == KEY_INTEGER && c->key_format == FORMAT_INT32)
		return "must be a 32-bit integer";
	if (c->key == KEY_INTEGER && c->key_format == FORMAT_INT16)
		return "must be a 16-bit integer";
	return forms[c->key];
}

/* What holds for keys and groups. */
static void key_check_text(
    const char *name, const char *s, size_t len, struct violations *out)
{
	if (len == 0)
		violations_add(out, name, "must not be empty");
	else if (len > COLLECTION_KEY_MAX)
		violations_add(out, name, "has %zu bytes; at most %d", len,
		    COLLECTION_KEY_MAX);
	if (memchr(s, '\0', len))
		violations_add(out, name, "must not contain a NUL byte");
	if (!utf8_valid(s, len))
		violations_add(out, name, "must be UTF-8");
}

bool key_check_group(const char *group, size_t len, struct violations *out)
{
	size_t before = out->n;
	key_check_text("group", group, len, out);
	if (memchr(group, ':', len))
		violations_add(out, "group",
		    "must not contain ':': a group is the part of a key in "
		    "front of the first one");
	return out->n == before;
}

bool key_check(const struct collection *c, const char *key, size_t len,
    struct violations *out)
{
	size_t before = out->n;
	const char *name = c->key_name;
	key_check_text(name, key, len, out);
	if (out->n == before && c->group && key[0] == ':')
		violations_add(out, name,
		    "must not begin with ':': its group would be empty");
	if (out->n == before && !collection_key_valid(c, key, len))
		violations_add(out, name, "%s", key_check_form(c));
	return out->n == before;
}
