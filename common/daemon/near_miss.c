#include "common/daemon/near_miss.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static size_t min3(size_t a, size_t b, size_t c)
{
	size_t m = a < b ? a : b;
	return m < c ? m : c;
}

static size_t distance(const char *a, const char *b)
{
	size_t row[NEAR_MISS_LONGEST + 1];
	size_t n = strlen(b);
	if (n > NEAR_MISS_LONGEST)
		return SIZE_MAX;
	for (size_t j = 0; j <= n; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1]; i++) {
		size_t diagonal = row[0];
		row[0] = i;
		for (size_t j = 1; j <= n; j++) {
			size_t next = min3(row[j] + 1, row[j - 1] + 1,
			    diagonal + (a[i - 1] != b[j - 1]));
			diagonal = row[j];
			row[j] = next;
		}
	}
	return row[n];
}

struct near_miss near_miss_of(const char *given)
{
	return (struct near_miss){.given = given, .distance = SIZE_MAX};
}

void near_miss_try(struct near_miss *m, const char *name)
{
	size_t d = distance(m->given, name);
	if (m->best == NULL || d < m->distance) {
		m->best = name;
		m->distance = d;
	}
}

static bool begins(const char *name, const char *start)
{
	size_t len = strlen(start);
	return len > 0 && strncmp(name, start, len) == 0;
}

const char *near_miss_found(const struct near_miss *m)
{
	bool near = m->best && (m->distance <= (strlen(m->best) + 2) / 3 ||
				   begins(m->best, m->given));
	return near ? m->best : NULL;
}
