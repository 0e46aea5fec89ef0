#include "common/access/claims.h"

#include "common/access/names.h"
#include "common/base/check.h"

#include <string.h>

static struct names claims = {.text = {CLAIM_SUBJECT}, .n = 1};

bool claims_add(const char *name, size_t len, unsigned *index)
{
	if (names_find(&claims, name, len, index))
		return true;
	return claims.n < CLAIMS_MAX && names_add(&claims, name, len, index);
}

size_t claims_count(void)
{
	return claims.n;
}

const char *claims_at(size_t i)
{
	CHECK(i < claims.n);
	return claims.text[i];
}

void claims_forget(void)
{
	claims.n = 1;
}
