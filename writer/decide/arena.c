#include "writer/decide/arena.h"

#include "common/base/mem.h"

#include <stdlib.h>
#include <string.h>

enum { BLOCK = 16384 };

struct arena_block {
	struct arena_block *next;
	size_t used, size;
	char bytes[];
};

struct jsonslice arena_keep(struct arena *a, const char *s, size_t len)
{
	struct arena_block *b = a->blocks;
	if (b == NULL || b->size - b->used < len + 1) {
		size_t size = len + 1 > BLOCK ? len + 1 : BLOCK;
		b = mem_alloc(sizeof *b + size);
		*b = (struct arena_block){.next = a->blocks, .size = size};
		a->blocks = b;
	}
	char *copy = &b->bytes[b->used];
	if (len)
		memcpy(copy, s, len);
	copy[len] = '\0';
	b->used += len + 1;
	a->bytes += len;
	return (struct jsonslice){copy, len};
}

void arena_free(struct arena *a)
{
	while (a->blocks) {
		struct arena_block *b = a->blocks;
		a->blocks = b->next;
		free(b);
	}
	a->bytes = 0;
}
