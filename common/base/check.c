#include "common/base/check.h"

#include "common/base/log.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void check_failed(const char *file, int line, const char *what)
{
	fprintf(stderr, "CHECK failed: %s:%d: %s\n", file, line, what);
	log_dump();
	abort();
}
