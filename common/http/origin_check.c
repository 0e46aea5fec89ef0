#include "common/http/origin_check.h"

#include "common/http/http_head.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

enum { NAME_MAX_LEN = 255 };

static bool origin_check_is_address(const char *name, int family)
{
	unsigned char bytes[16];
	return inet_pton(family, name, bytes) == 1;
}

/* Takes the name from a Host, without port and brackets. False: malformed.
 * Only an IPv6 address has brackets (RFC 3986, section 3.2.2).
 * libmicrohttpd (before 1.0) leaves blanks behind it. */
static bool origin_check_name_of(const char *host, char out[NAME_MAX_LEN + 1])
{
	bool brackets = host[0] == '[';
	const char *from = brackets ? host + 1 : host;
	size_t len = strcspn(from, brackets ? "]" : ": \t");
	const char *rest = from + len;
	if (brackets && *rest++ != ']')
		return false;
	if (len == 0 || len > NAME_MAX_LEN)
		return false;
	if (*rest == ':')
		rest += 1 + strspn(rest + 1, "0123456789");
	if (rest[strspn(rest, " \t")])
		return false;
	memcpy(out, from, len);
	out[len] = '\0';
	return !brackets || origin_check_is_address(out, AF_INET6);
}

bool origin_check_lists(const char *list, const char *word)
{
	size_t len = strlen(word);
	for (const char *s = list; *(s += strspn(s, ", "));) {
		size_t n = strcspn(s, ", ");
		if (n == len && strncasecmp(s, word, n) == 0)
			return true;
		s += n;
	}
	return false;
}

/* Without a Host it may be HTTP/1.0. Browsers always send a Host. */
static bool is_ours(const char *host, const char *hosts)
{
	char name[NAME_MAX_LEN + 1];
	if (host == NULL)
		return true;
	return origin_check_name_of(host, name) &&
	       (host[0] == '[' || origin_check_is_address(name, AF_INET) ||
		   strcasecmp(name, "localhost") == 0 ||
		   origin_check_lists(hosts, name));
}

static bool same_origin(const char *origin, const char *host)
{
	const char *rest = NULL;
	if (strncasecmp(origin, "http://", 7) == 0)
		rest = origin + 7;
	else if (strncasecmp(origin, "https://", 8) == 0)
		rest = origin + 8;
	return rest && host && strcasecmp(rest, host) == 0;
}

bool origin_check_is_foreign(const struct origin_check *g)
{
	if (g->origin && !same_origin(g->origin, g->host))
		return true;
	return g->fetch_site &&
	       (strcasecmp(g->fetch_site, "cross-site") == 0 ||
		   strcasecmp(g->fetch_site, "same-site") == 0);
}

bool origin_check_reads(const char *method)
{
	return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0 ||
	       strcmp(method, "OPTIONS") == 0;
}

static bool origin_check_may(
    const struct origin_check *g, const struct origin_rules *rules)
{
	if (rules->foreign_reads && origin_check_reads(g->method))
		return true;
	return rules->origins &&
	       (origin_check_lists(rules->origins, "*") ||
		   (g->origin &&
		       origin_check_lists(rules->origins, g->origin)));
}

enum origin_fault origin_check(
    const struct origin_check *g, const struct origin_rules *rules)
{
	if (!rules->any_host && !is_ours(g->host, rules->hosts))
		return ORIGIN_HOST;
	if (origin_check_is_foreign(g) && !origin_check_may(g, rules))
		return ORIGIN_FOREIGN;
	if (rules->needs_mark && !origin_check_reads(g->method) &&
	    g->mark == NULL && !http_head_is_json(g->content_type))
		return ORIGIN_UNMARKED;
	return ORIGIN_OK;
}

bool origin_check_check_hosts(const char *hosts)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789.-_, ";
	return hosts[strspn(hosts, allowed)] == '\0';
}
