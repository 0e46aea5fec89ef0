#include "common/http/audit.h"

#include "common/base/log.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

enum { FROM_LEN = 64 };

static const char *audit_from(struct MHD_Connection *c, char out[FROM_LEN])
{
	const union MHD_ConnectionInfo *info =
	    c ? MHD_get_connection_info(c, MHD_CONNECTION_INFO_CLIENT_ADDRESS)
	      : NULL;
	const struct sockaddr *a = info ? info->client_addr : NULL;
	const void *bytes = NULL;
	if (a && a->sa_family == AF_INET)
		bytes = &((const struct sockaddr_in *)a)->sin_addr;
	else if (a && a->sa_family == AF_INET6)
		bytes = &((const struct sockaddr_in6 *)a)->sin6_addr;
	if (bytes == NULL || !inet_ntop(a->sa_family, bytes, out, FROM_LEN))
		snprintf(out, FROM_LEN, "none");
	return out;
}

/* log_quote keeps four texts; an id needs no quoting but the marks. */
#define FIELDS                                                                 \
	"subject=%s kind=%s key=%s method=%s route=%s from=%s "                \
	"request=\"%s\" status=%u"
#define VALUES(a, from)                                                        \
	log_quote((a)->subject), (a)->kind,                                    \
	    log_quote((a)->key ? (a)->key : ""), log_quote((a)->method),       \
	    log_quote((a)->route ? (a)->route : ""), audit_from((a)->c, from), \
	    (a)->request, (a)->status

void audit_refused(const struct audit *a, const char *why)
{
	char from[FROM_LEN];
	log_event(EV_AUDIT_REFUSED, FIELDS " why=%s", VALUES(a, from), why);
}

void audit_acted(const struct audit *a)
{
	char from[FROM_LEN];
	log_event(EV_AUDIT_ACTED, FIELDS, VALUES(a, from));
}
