#include "api/accept.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

/* In thousandths, of the parameters behind a media type; 1000 where there is no
 * q, or none that can be read. */
static int quality(const char *s, const char *end)
{
	for (; s < end; s++) {
		if (*s != ';')
			continue;
		s += 1 + strspn(s + 1, " \t");
		if (end - s < 3 || strncasecmp(s, "q=", 2) != 0)
			continue;
		s += 2;
		int q = *s++ == '1' ? 1000 : 0, place = 100;
		if (q || s == end || *s != '.')
			return q;
		for (s++; s < end && *s >= '0' && *s <= '9'; s++) {
			q += (*s - '0') * place;
			place /= 10;
		}
		return q;
	}
	return 1000;
}

/* Of the type, where it is named; -1: it is not. */
static int wanted(const char *s, const char *type)
{
	size_t n = strlen(type);
	while (*s) {
		s += strspn(s, ", \t");
		const char *end = s + strcspn(s, ",");
		if (strcspn(s, ",; \t") == n && strncasecmp(s, type, n) == 0)
			return quality(s + n, end);
		s = end;
	}
	return -1;
}

bool accept_ndjson(const char *header)
{
	if (header == NULL)
		return false;
	int lines = wanted(header, "application/x-ndjson");
	return lines > 0 && lines >= wanted(header, "application/json");
}
