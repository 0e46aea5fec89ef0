#include "common/net/renewal.h"

#include "common/base/mem.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* Global, because whoever makes a connection has only the text. There is one
 * entry for each text that was ever replaced: a few. */
static struct {
	pthread_mutex_t lock;
	struct renewal {
		char *first, *now;
	} * all;
	size_t n;
} texts = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* With the lock. NULL: it was never replaced. */
static struct renewal *find_text(const char *first)
{
	for (size_t i = 0; i < texts.n; i++) {
		if (strcmp(texts.all[i].first, first) == 0)
			return &texts.all[i];
	}
	return NULL;
}

char *renewal_of(const char *first)
{
	pthread_mutex_lock(&texts.lock);
	const struct renewal *r = find_text(first);
	char *now = mem_strdup(r ? r->now : first);
	pthread_mutex_unlock(&texts.lock);
	return now;
}

void renewal_set(const char *first, const char *now)
{
	pthread_mutex_lock(&texts.lock);
	struct renewal *r = find_text(first);
	if (r == NULL) {
		texts.all =
		    mem_realloc(texts.all, (texts.n + 1) * sizeof *texts.all);
		r = &texts.all[texts.n++];
		*r = (struct renewal){.first = mem_strdup(first)};
	}
	free(r->now);
	r->now = mem_strdup(now);
	pthread_mutex_unlock(&texts.lock);
}
