#include "api/http/accept.h"

#include <string.h>
#include <strings.h>

/* The weight in thousandths, from the parameters of a media type; 1000 if there
 * is no valid q. */
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

enum { NOT_NAMED = -1, UNLIMITED = -2 };

/* The weight of a type or a range that is named exactly so. NOT_NAMED: it is
 * not named; UNLIMITED: nothing is named at all. */
static int accept_named(const char *s, const char *range, size_t n)
{
	int none = UNLIMITED;
	while (*(s += strspn(s, ", \t"))) {
		const char *end = s + strcspn(s, ",");
		none = NOT_NAMED;
		if (strcspn(s, ",; \t") == n && strncasecmp(s, range, n) == 0)
			return quality(s + n, end);
		s = end;
	}
	return none;
}

/* The weight of a type, by the most specific range that contains it. */
static int wanted(const char *header, const char *type)
{
	char range[64];
	size_t major = strcspn(type, "/") + 1;
	int q = accept_named(header, type, strlen(type));
	if (q == NOT_NAMED) {
		memcpy(range, type, major);
		range[major] = '*';
		q = accept_named(header, range, major + 1);
	}
	return q == NOT_NAMED ? accept_named(header, "*/*", 3) : q;
}

bool accept_allows(const char *header, const char *type)
{
	if (header == NULL)
		return true;
	int q = wanted(header, type);
	return q > 0 || q == UNLIMITED;
}

/* The one with the greatest weight, of all types that the header contains. */
static size_t accept_any(const char *header, const char *const *types, size_t n)
{
	size_t best = 0;
	int most = 0;
	for (size_t i = 0; i < n; i++) {
		int q = wanted(header, types[i]);
		if (q > most) {
			best = i;
			most = q;
		}
	}
	return best;
}

size_t accept_choose(const char *header, const char *const *types, size_t n)
{
	size_t best = 0;
	if (header == NULL)
		return 0;
	int least = wanted(header, types[0]), most = 0;
	for (size_t i = 1; i < n; i++) {
		int q = accept_named(header, types[i], strlen(types[i]));
		if (q > most && q >= least) {
			best = i;
			most = q;
		}
	}
	bool none = best == 0 && !accept_allows(header, types[0]);
	return none ? accept_any(header, types, n) : best;
}

bool accept_codes(const char *header, const char *coding)
{
	if (header == NULL)
		return false;
	int q = accept_named(header, coding, strlen(coding));
	return (q == NOT_NAMED ? accept_named(header, "*", 1) : q) > 0;
}
