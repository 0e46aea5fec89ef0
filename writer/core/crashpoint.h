/* Dying on purpose, in test builds: writer/core/crashpoints.def. */
#pragma once

enum crashpoint {
#define CRASH_POINT(id, name, text) CRASH_##id,
#include "writer/core/crashpoints.def"
#undef CRASH_POINT
};

#ifdef SLUICE_CRASH_POINTS
/* Ends the process, without a word to anybody, if it was chosen. */
void crashpoint(enum crashpoint point);
#else
static inline void crashpoint(enum crashpoint point)
{
	(void)point;
}
#endif
