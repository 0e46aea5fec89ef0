#include "common/access/principal.h"

#include "common/base/check.h"
#include "common/base/mem.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

struct shared {
	struct principal principal; /* first */
	atomic_size_t references;
};

struct principal *principal_new(
    enum principal_kind kind, role_set roles, int64_t expires)
{
	struct shared *s = MEM_NEW(struct shared);
	s->principal = (struct principal){
	    .kind = kind, .roles = roles, .expires = expires};
	atomic_init(&s->references, 1);
	return &s->principal;
}

void principal_claim(
    struct principal *p, size_t index, const char *value, size_t len)
{
	CHECK(index < CLAIMS_MAX);
	free(p->claims[index]);
	p->claims[index] = mem_strndup(value, len);
}

void principal_name_key(struct principal *p, const char *id)
{
	free(p->key);
	p->key = id ? mem_strdup(id) : NULL;
}

struct principal *principal_ref(struct principal *p)
{
	struct shared *s = (struct shared *)p;
	atomic_fetch_add_explicit(&s->references, 1, memory_order_relaxed);
	return p;
}

void principal_unref(struct principal **p)
{
	struct shared *s = (struct shared *)*p;
	*p = NULL;
	if (s == NULL || atomic_fetch_sub(&s->references, 1) != 1)
		return;
	for (size_t i = 0; i < CLAIMS_MAX; i++)
		free(s->principal.claims[i]);
	free(s->principal.key);
	free(s);
}

const char *principal_subject(const struct principal *p)
{
	return p->claims[0] ? p->claims[0] : "";
}

const char *principal_kind_name(enum principal_kind kind)
{
	static const char *const names[] = {
	    [PRINCIPAL_ANONYMOUS] = "anonymous",
	    [PRINCIPAL_JWT] = "jwt",
	    [PRINCIPAL_KEY] = "key",
	    [PRINCIPAL_CERTIFICATE] = "certificate",
	};
	return names[kind];
}
