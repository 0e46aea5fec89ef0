#include "common/access/roles.h"

#include "common/access/names.h"
#include "common/base/check.h"

#include <string.h>

static struct names known;

static bool role_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
	       c == '-';
}

bool role_name_valid(const char *name, size_t len)
{
	if (len == 0 || len > NAMES_NAME_MAX || name[0] < 'a' || name[0] > 'z')
		return false;
	for (size_t i = 1; i < len; i++) {
		if (!role_letter(name[i]))
			return false;
	}
	return true;
}

bool roles_grant(role_set *set, const char *name, size_t len)
{
	unsigned i;
	CHECK(role_name_valid(name, len));
	if (!names_add(&known, name, len, &i))
		return false;
	*set |= (role_set)1 << i;
	return true;
}

role_set roles_find(const char *name, size_t len)
{
	unsigned i;
	return names_find(&known, name, len, &i) ? (role_set)1 << i : 0;
}

role_set roles_of_list(const char *list)
{
	role_set set = 0;
	for (const char *s = list; *(s += strspn(s, " ,"));) {
		size_t n = strcspn(s, " ,");
		set |= roles_find(s, n);
		s += n;
	}
	return set;
}

role_set roles_anonymous(void)
{
	return roles_find(ROLE_ANONYMOUS, strlen(ROLE_ANONYMOUS));
}

role_set roles_authenticated(void)
{
	return roles_find(ROLE_AUTHENTICATED, strlen(ROLE_AUTHENTICATED));
}

void roles_forget(void)
{
	known.n = 0;
}
