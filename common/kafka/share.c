#include "common/kafka/share.h"

#include "common/base/mem.h"

#include <stdlib.h>
#include <string.h>

static int by_number(const void *a, const void *b)
{
	int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
	return x < y ? -1 : x > y;
}

void share_set(struct share *s, const int32_t *partitions, size_t n)
{
	int32_t *at = mem_alloc((n + 1) * sizeof *at);
	if (n)
		memcpy(at, partitions, n * sizeof *at);
	qsort(at, n, sizeof *at, by_number);
	size_t kept = 0;
	for (size_t i = 0; i < n; i++) {
		if (kept == 0 || at[kept - 1] != at[i])
			at[kept++] = at[i];
	}
	free(s->at);
	*s = (struct share){at, kept};
}

void share_compare(const struct share *a, const struct share *b, bool common,
    struct share *out)
{
	int32_t *at = mem_alloc((a->n + 1) * sizeof *at);
	size_t n = 0, k = 0;
	for (size_t i = 0; i < a->n; i++) {
		while (k < b->n && b->at[k] < a->at[i])
			k++;
		bool both = k < b->n && b->at[k] == a->at[i];
		if (both == common)
			at[n++] = a->at[i];
	}
	free(out->at);
	*out = (struct share){at, n};
}

void share_print(const struct share *s, struct buf *out)
{
	for (size_t i = 0; i < s->n;) {
		size_t end = i + 1;
		while (end < s->n && s->at[end] == s->at[end - 1] + 1)
			end++;
		buf_printf(out, "%s%d", i ? "," : "", s->at[i]);
		if (end - i > 1)
			buf_printf(out, "-%d", s->at[end - 1]);
		i = end;
	}
	if (s->n == 0)
		buf_str(out, "none");
}

void share_free(struct share *s)
{
	free(s->at);
	*s = (struct share){0};
}
