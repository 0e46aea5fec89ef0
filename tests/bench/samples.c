#include "samples.h"

#include "common/base/mem.h"

#include <stdio.h>
#include <stdlib.h>

void samples_add(struct samples *s, dur_us_t us)
{
	MEM_GROW(s->us, s->cap, s->n);
	s->us[s->n++] = us < 0 ? 0 : (uint32_t)us;
}

static int by_size(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return x < y ? -1 : x > y;
}

static double at_share(const struct samples *s, double share)
{
	return s->n ? s->us[(size_t)(share * (double)(s->n - 1))] / 1000.0 : 0;
}

void samples_print(struct samples *s, const char *name)
{
	if (s->n)
		qsort(s->us, s->n, sizeof *s->us, by_size);
	printf("\"%s\":{\"samples\":%zu,\"p50_ms\":%.3f,\"p99_ms\":%.3f,"
	       "\"max_ms\":%.3f}",
	    name, s->n, at_share(s, 0.5), at_share(s, 0.99), at_share(s, 1));
}

void samples_free(struct samples *s)
{
	free(s->us);
	*s = (struct samples){0};
}
