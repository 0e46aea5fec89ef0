#include "common/base/mem.h"

#include "common/base/check.h"

#include <stdlib.h>
#include <string.h>

static void *there(void *p)
{
	if (p == NULL)
		UNREACHABLE("out of memory");
	return p;
}

void *mem_alloc(size_t size)
{
	return there(malloc(size ? size : 1));
}

void *mem_zalloc(size_t size)
{
	return there(calloc(1, size ? size : 1));
}

void *mem_realloc(void *old, size_t size)
{
	return there(realloc(old, size ? size : 1));
}

void *mem_dup(const void *data, size_t size)
{
	void *p = mem_alloc(size);
	if (size)
		memcpy(p, data, size);
	return p;
}

char *mem_strndup(const char *s, size_t len)
{
	char *p = mem_alloc(len + 1);
	if (len)
		memcpy(p, s, len);
	p[len] = '\0';
	return p;
}

char *mem_strdup(const char *s)
{
	return mem_strndup(s, strlen(s));
}
