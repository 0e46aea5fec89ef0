/* Memory allocation that never returns NULL: every function aborts if there is
 * no memory. So no caller has a branch that no test can reach.
 */
#pragma once

#include <stddef.h>

/* Return owned memory, released with free(). */
void *mem_alloc(size_t size);
void *mem_zalloc(size_t size);
void *mem_realloc(void *old, size_t size);
void *mem_dup(const void *data, size_t size);
/* A NUL-terminated copy of `len` bytes. */
char *mem_strndup(const char *s, size_t len);
char *mem_strdup(const char *s);

#define MEM_NEW(type) ((type *)mem_zalloc(sizeof(type)))
/* Grows *array (of elements of its own type) so that index n exists. */
#define MEM_GROW(array, cap, n)                                                \
	do {                                                                   \
		if ((n) >= (cap)) {                                            \
			(cap) = (cap) ? (cap)*2 : 16;                          \
			if ((cap) <= (n))                                      \
				(cap) = (n) + 1;                               \
			(array) =                                              \
			    mem_realloc((array), (cap) * sizeof *(array));     \
		}                                                              \
	} while (0)
