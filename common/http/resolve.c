#include "common/http/resolve.h"

#include "common/base/mem.h"

#include <netdb.h>
#include <stdlib.h>

struct resolve {
	uv_getaddrinfo_t request; /* first: cast back */
	resolve_done done;	  /* NULL: cancelled */
	void *arg;
};

static void resolve_answer(
    struct resolve *r, int status, const struct addrinfo *list)
{
	char text[64];
	if (status != 0 || list == NULL)
		r->done(r->arg, NULL, uv_strerror(status));
	else if (getnameinfo(list->ai_addr, list->ai_addrlen, text, sizeof text,
		     NULL, 0, NI_NUMERICHOST) != 0)
		r->done(r->arg, NULL, "cannot print the address");
	else
		r->done(r->arg, text, NULL);
}

static void resolve_on_resolved(
    uv_getaddrinfo_t *request, int status, struct addrinfo *list)
{
	struct resolve *r = (struct resolve *)request;
	if (r->done)
		resolve_answer(r, status, list);
	uv_freeaddrinfo(list);
	free(r);
}

struct resolve *resolve_start(
    struct loop *l, const char *host, resolve_done done, void *arg)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct resolve *r = MEM_NEW(struct resolve);
	r->done = done;
	r->arg = arg;
	if (uv_getaddrinfo(loop_uv(l), &r->request, resolve_on_resolved, host,
		NULL, &hints) == 0)
		return r;
	free(r);
	return NULL;
}

void resolve_cancel(struct resolve **rp)
{
	struct resolve *r = *rp;
	*rp = NULL;
	if (r == NULL)
		return;
	r->done = NULL;
	uv_cancel((uv_req_t *)&r->request);
}
