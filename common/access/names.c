#include "common/access/names.h"

#include <string.h>

bool names_find(
    const struct names *t, const char *name, size_t len, unsigned *out)
{
	size_t n = atomic_load_explicit(&t->n, memory_order_acquire);
	for (size_t i = 0; i < n; i++) {
		if (strlen(t->text[i]) != len ||
		    memcmp(t->text[i], name, len) != 0)
			continue;
		*out = (unsigned)i;
		return true;
	}
	return false;
}

bool names_add(struct names *t, const char *name, size_t len, unsigned *out)
{
	if (len == 0 || len > NAMES_NAME_MAX || memchr(name, '\0', len))
		return false;
	if (names_find(t, name, len, out))
		return true;
	size_t n = atomic_load_explicit(&t->n, memory_order_relaxed);
	if (n == NAMES_MAX)
		return false;
	memcpy(t->text[n], name, len);
	t->text[n][len] = '\0';
	*out = (unsigned)n;
	atomic_store_explicit(&t->n, n + 1, memory_order_release);
	return true;
}
