#include "api/admin/writer_ask.h"

#include "api/core/instance.h"
#include "api/core/settings.h"
#include "common/base/check.h"
#include "common/base/mem.h"
#include "common/http/fetch.h"
#include "common/net/renewal.h"

#include <stdlib.h>
#include <string.h>

#define TIMEOUT CLOCK_S(10)
enum { ANSWER_MAX = 64 << 20 }; /* a hundred rejections of the largest size */

struct writer_ask {
	struct instance *instance;
	struct tls_client_options tls;
	operand_done done;
	void *arg;
};

static struct tls_client_options writer_tls(const struct api_settings *s)
{
	return (struct tls_client_options){
	    .name = "writer.tls",
	    .ca = s->writer_tls_ca,
	    .cert = s->writer_tls_cert,
	    .key = s->writer_tls_key,
	};
}

struct err writer_ask_check(const struct api_settings *s)
{
	const struct tls_client_options tls = writer_tls(s);
	char *host = NULL;
	int port;
	bool secure;
	if (*s->writer_admin &&
	    !fetch_address(s->writer_admin, &host, &port, &secure))
		return err_make(ERR_KIND_FATAL, "config",
		    "writer.admin: %s is neither host:port nor "
		    "https://host:port",
		    s->writer_admin);
	free(host);
	return tls_client_check(&tls);
}

static void fail(operand_done done, void *arg, unsigned status, const char *why)
{
	struct buf body = {0};
	buf_str(&body, "{\"error\":");
	buf_json(&body, why, strlen(why));
	buf_str(&body, "}\n");
	done(arg, status, &body);
	buf_free(&body);
}

static void on_answer(void *arg, int status, const char *text, size_t len)
{
	struct writer_ask *a = arg;
	struct instance *instance = a->instance;
	struct buf body = {0};
	buf_add(&body, text, len);
	if (status == 0)
		fail(a->done, a->arg, 503,
		    "The writer of the setting writer.admin does not answer.");
	else if (status == 401 || status == 403)
		fail(a->done, a->arg, 503,
		    "The writer of the setting writer.admin refuses this "
		    "instance: give both the same admin.token.");
	else
		a->done(a->arg, (unsigned)status, &body);
	buf_free(&body);
	free(a);
	instance_release(instance);
}

/* A position has nothing that must be escaped; what is none is left out. */
static void add_after(struct buf *path, const char *after)
{
	if (after && after[0] && after[strspn(after, "0123456789-")] == '\0')
		buf_printf(path, "?after=%s", after);
}

void writer_ask_begin(struct instance *instance, const char *method,
    const char *path, const char *after, const struct buf *body,
    operand_done done, void *arg)
{
	const struct api_settings *s = instance->settings;
	struct fetch_where where = {0};
	struct buf target = {0};
	char *host = NULL;
	bool secure = false;
	if (*s->writer_admin == '\0') {
		fail(done, arg, 404,
		    "The setting writer.admin names no writer, which alone can "
		    "look at rejected writes.");
		return;
	}
	struct writer_ask *a = MEM_NEW(struct writer_ask);
	*a = (struct writer_ask){instance, writer_tls(s), done, arg};
	CHECK(fetch_address(s->writer_admin, &host, &where.port, &secure));
	char *token = renewal_of(s->common.admin_token);
	where.host = host;
	where.token = token;
	where.tls = secure ? &a->tls : NULL;
	buf_str(&target, path);
	add_after(&target, after);
	bool sends = body->len > 0 && strcmp(method, "POST") == 0;
	const struct fetch_what what = {
	    .method = method,
	    .path = target.data,
	    .body = sends ? body->data : NULL,
	    .body_len = sends ? body->len : 0,
	    .most = ANSWER_MAX,
	};
	instance_hold(instance);
	fetch_start(instance->loop, &where, &what, TIMEOUT, on_answer, a);
	buf_free(&target);
	free(token);
	free(host);
}
