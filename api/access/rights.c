#include "api/access/rights.h"

#include "common/base/check.h"

#include <string.h>

struct err rights_grant(
    struct rights *r, enum verb v, const char *setting, const char *list)
{
	CHECK(verb_scope(v) == VERB_SERVICE);
	for (const char *s = list; *(s += strspn(s, " ,"));) {
		size_t n = strcspn(s, " ,");
		if (!role_name_valid(s, n))
			return err_make(ERR_KIND_FATAL, "config",
			    "setting '%s' has the bad value '%s'; allowed: "
			    "roles, separated by commas; a role is a "
			    "lower-case letter, then lower-case letters, "
			    "digits, _ and -",
			    setting, list);
		if (!roles_grant(&r->service[v], s, n))
			return err_make(ERR_KIND_FATAL, "config",
			    "setting '%s': there are more than 64 roles",
			    setting);
		s += n;
	}
	return ERR_OK;
}

static role_set rights_roles(const struct principal *p)
{
	role_set roles = p->roles | roles_anonymous();
	return p->kind == PRINCIPAL_ANONYMOUS ? roles
					      : roles | roles_authenticated();
}

enum right rights_on(
    const struct collection *c, enum verb v, const struct principal *p)
{
	CHECK(verb_scope(v) == VERB_COLLECTION);
	role_set granted = c->grants[v] & rights_roles(p);
	if (granted == 0)
		return RIGHT_NONE;
	if (granted & ~c->owner.roles)
		return RIGHT_ALL;
	return p->claims[c->owner.claim] ? RIGHT_OWN : RIGHT_NONE;
}

bool rights_of_service(
    const struct rights *r, enum verb v, const struct principal *p)
{
	CHECK(verb_scope(v) == VERB_SERVICE);
	return r->service[v] & rights_roles(p);
}
