#include "common/daemon/config_family.h"

#include "common/base/mem.h"
#include "common/kafka/kafka.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define KAFKA "kafka."
#define LIMIT "limit."

static const char *config_family_rest(const char *name, const char *prefix)
{
	size_t len = strlen(prefix);
	return strncmp(name, prefix, len) == 0 && name[len] ? name + len : NULL;
}

struct config_family *config_family_of(
    const struct config *c, const char *name, const char **rest)
{
	struct config *all = (struct config *)(uintptr_t)c;
	*rest = config_family_rest(name, KAFKA);
	if (*rest)
		return &all->kafka;
	*rest = config_family_rest(name, LIMIT);
	return *rest && c->has_limits ? &all->limits : NULL;
}

struct kafka_property *config_family_find(
    const struct config_family *f, const char *rest)
{
	for (size_t i = 0; f && i < f->n; i++) {
		if (strcmp(f->all[i].name, rest) == 0)
			return &f->all[i];
	}
	return NULL;
}

void config_family_set(
    struct config_family *f, const char *rest, const char *value, bool secret)
{
	struct kafka_property *p = config_family_find(f, rest);
	if (p == NULL) {
		f->all = mem_realloc(f->all, (f->n + 1) * sizeof *f->all);
		p = &f->all[f->n++];
		*p = (struct kafka_property){.name = mem_strdup(rest)};
	}
	free(p->value);
	p->value = mem_strdup(value);
	p->secret = secret;
}

/* A role may have `_` in its name, a property has only dots. */
void config_family_variable(const char *env, char *out, size_t size)
{
	bool limit = strncmp(env, "LIMIT_", strlen(LIMIT)) == 0;
	size_t n = 0;
	for (; env[n] && n < size - 1; n++) {
		bool dot = env[n] == '_' && (!limit || n < strlen(LIMIT));
		out[n] = dot ? '.' : (char)tolower((unsigned char)env[n]);
	}
	out[n] = '\0';
}

size_t config_family_fixed(const char *argument)
{
	size_t len = strlen(LIMIT);
	bool limit = strncmp(argument, LIMIT, len - 1) == 0 &&
		     (argument[len - 1] == '.' || argument[len - 1] == '-');
	return limit ? len : strlen(argument);
}

const char *config_limit(const struct config *c, size_t i, const char **value)
{
	if (i >= c->limits.n)
		return NULL;
	*value = c->limits.all[i].value;
	return c->limits.all[i].name;
}

void config_family_free(struct config_family *f)
{
	for (size_t i = 0; i < f->n; i++) {
		free(f->all[i].name);
		free(f->all[i].value);
	}
	free(f->all);
	*f = (struct config_family){0};
}
