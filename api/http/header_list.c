#include "api/http/header_list.h"

#include <string.h>
#include <strings.h>

bool header_list_is(struct header_list_word w, const char *text)
{
	return strlen(text) == w.len && strncasecmp(w.s, text, w.len) == 0;
}

/* Returns the end of the quoted string that begins here. */
static const char *skip_quoted(const char *s)
{
	for (s++; *s && *s != '"'; s++) {
		if (*s == '\\' && s[1])
			s++;
	}
	return *s ? s + 1 : s;
}

/* Returns the comma that ends this item, or the end. */
static const char *skip_item(const char *s)
{
	while (*s && *s != ',')
		s = *s == '"' ? skip_quoted(s) : s + 1;
	return s;
}

/* Takes a token, or the contents of a quoted string (no value here needs an
 * escape). */
static struct header_list_word take_word(const char **at)
{
	const char *s = *at;
	if (*s != '"') {
		size_t len = strcspn(s, " \t,;=\"");
		*at += len;
		return (struct header_list_word){s, len};
	}
	*at = skip_quoted(s);
	return (struct header_list_word){s + 1, strcspn(s + 1, "\"")};
}

bool header_list_next(const char **at, struct header_list_item *out)
{
	const char *s = *at;
	if (*s == '\0')
		return false;
	s += strspn(s, ", \t");
	*at = skip_item(s);
	/* A name is a token, so a quoted string is not a name. */
	*out = (struct header_list_item){{"", 0}, {"", 0}};
	if (*s != '"')
		out->name = take_word(&s);
	s += strspn(s, " \t");
	if (*s == '=') {
		s++;
		s += strspn(s, " \t");
		out->value = take_word(&s);
	}
	return true;
}
