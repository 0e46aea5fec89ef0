#include "common/kafka/member.h"

#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define ALLOWED LETTERS "0123456789._-"

#define MOST_BEATS CLOCK_MS(100)
#define LEAST_BEATS CLOCK_S(1)
enum { BEATS = 12 }; /* in a session */

struct err member_check(const char *setting)
{
	size_t len = strlen(setting);
	if (len > 0 && len <= MEMBER_NAME_MAX &&
	    strspn(setting, ALLOWED) == len && strcmp(setting, ".") != 0 &&
	    strcmp(setting, "..") != 0)
		return ERR_OK;
	return err_make(ERR_KIND_FATAL, "config",
	    "setting 'group.instance' has the bad value '%s'; allowed: auto, "
	    "none, or a name of letters, digits, '.', '_' and '-', at most %d",
	    setting, MEMBER_NAME_MAX);
}

/* Port 0 is another one at each start. */
static bool no_port(const char *listen)
{
	const char *colon = strrchr(listen, ':');
	return colon == NULL || strspn(colon + 1, "0") == strlen(colon + 1);
}

/* The end is what differs: the port. */
static void shorten(struct buf *out, size_t from)
{
	size_t len = out->len - from;
	if (len <= MEMBER_NAME_MAX)
		return;
	char *name = out->data + from;
	memmove(name, name + len - MEMBER_NAME_MAX, MEMBER_NAME_MAX + 1);
	out->len = from + MEMBER_NAME_MAX;
}

void member_name(
    struct buf *out, const char *setting, const char *host, const char *listen)
{
	if (strcmp(setting, "none") == 0)
		return;
	if (strcmp(setting, "auto") != 0) {
		buf_str(out, setting);
		return;
	}
	if (no_port(listen))
		return;
	size_t from = out->len;
	buf_printf(out, "%s-%s", host, listen);
	for (char *s = out->data + from; *s; s++) {
		if (strchr(ALLOWED, *s) == NULL)
			*s = '-';
	}
	shorten(out, from);
}

void member_name_here(struct buf *out, const char *setting, const char *listen)
{
	char host[HOST_NAME_MAX + 1] = "";
	if (gethostname(host, sizeof host - 1) != 0)
		host[0] = '\0';
	member_name(out, setting, host, listen);
}

dur_us_t member_heartbeat(dur_us_t session)
{
	dur_us_t each = session / BEATS;
	return each < MOST_BEATS    ? MOST_BEATS
	       : each > LEAST_BEATS ? LEAST_BEATS
				    : each;
}
