#include "writer/core/crashpoint.h"

#ifdef SLUICE_CRASH_POINTS

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_CRASHED = 42 };

static const char *const names[] = {
#define CRASH_POINT(id, name, text) [CRASH_##id] = name,
#include "writer/core/crashpoints.def"
#undef CRASH_POINT
};

void crashpoint(enum crashpoint point)
{
	static long passed;
	const char *chosen = getenv("SLUICE_TEST_CRASH");
	size_t len = strlen(names[point]);
	if (chosen == NULL || strncmp(chosen, names[point], len) != 0 ||
	    (chosen[len] != '\0' && chosen[len] != ':'))
		return;
	long wanted = chosen[len] ? strtol(chosen + len + 1, NULL, 10) : 1;
	if (++passed >= wanted)
		_exit(EXIT_CRASHED);
}

#endif
