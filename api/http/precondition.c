#include "api/http/precondition.h"

#include "common/log/version.h"

#include <inttypes.h>
#include <string.h>

/* Takes one entity tag from the front; NULL: malformed. */
static const char *take_tag(const char *s, struct buf *versions)
{
	bool weak = s[0] == 'W' && s[1] == '/';
	if (weak)
		s += 2;
	if (*s != '"')
		return NULL;
	size_t len = strcspn(++s, "\"");
	if (s[len] != '"')
		return NULL;
	version_t v;
	/* A tag that is not a version matches nothing. */
	if (!weak && version_parse(s, len, &v))
		buf_printf(versions, "%s%" PRIu64, versions->len ? "," : "", v);
	return s + len + 1;
}

static bool precondition_take_list(const char *s, struct buf *versions)
{
	s += strspn(s, ", \t");
	if (strcmp(s, "*") == 0) {
		buf_char(versions, '*');
		return true;
	}
	while (*s) {
		s = take_tag(s, versions);
		if (s == NULL)
			return false;
		size_t gap = strspn(s, ", \t");
		if (*s && gap == 0)
			return false;
		s += gap;
	}
	return true;
}

enum precondition_kind precondition_parse(
    const char *if_match, const char *if_none_match, struct buf *versions)
{
	if (if_match && if_none_match)
		return PRECONDITION_BAD;
	if (if_match)
		return precondition_take_list(if_match, versions)
			   ? PRECONDITION_MATCH
			   : PRECONDITION_BAD;
	if (if_none_match == NULL)
		return PRECONDITION_NONE;
	bool any = strcmp(if_none_match, "*") == 0;
	return any ? PRECONDITION_ABSENT : PRECONDITION_BAD;
}
