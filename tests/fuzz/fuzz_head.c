/* The head of a request, through libmicrohttpd: one that common/http/http_head
 * lets pass is one by RFC 9112, so that nobody in front of Sluice can read it
 * in another way (as far as libmicrohttpd shows it: from 1.0 on). */
#include "tests/fuzz/fuzz.h"

#include "common/http/http_head.h"

#include <ctype.h>
#include <microhttpd.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MEMORY = 16384, TURNS = 64 };

#if MHD_VERSION >= 0x01000000
#define STRICTLY MHD_OPTION_CLIENT_DISCIPLINE_LVL, 1,
#else
#define STRICTLY
#endif

static struct fuzz sent;
static const char *version_at; /* of the last line; NULL: anywhere */
static size_t passed;	       /* requests of this connection */

/* --- by the RFC ---------------------------------------------------------- */

static bool is_token(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (!isalnum((unsigned char)s[i]) &&
		    (s[i] == '\0' || !strchr("!#$%&'*+-.^_`|~", s[i])))
			return false;
	}
	return len > 0;
}

/* The next line, without its CR and LF; false: there is none that ends so. */
static bool next_line(struct fuzz *f, const char **s, size_t *len)
{
	const char *end = f->len ? memmem(f->s, f->len, "\r\n", 2) : NULL;
	*s = f->s;
	if (end == NULL)
		return false;
	*len = (size_t)(end - f->s);
	f->s += *len + 2;
	f->len -= *len + 2;
	return !memchr(*s, '\n', *len) && !memchr(*s, '\r', *len) &&
	       !memchr(*s, '\0', *len);
}

static bool is_request_line(const char *s, size_t len)
{
	const char *end = s + len, *blank = memchr(s, ' ', len);
	const char *second =
	    blank ? memchr(blank + 1, ' ', (size_t)(end - blank) - 1) : NULL;
	return second && is_token(s, (size_t)(blank - s)) &&
	       second > blank + 1 && end - second - 1 == 8 &&
	       memcmp(second + 1, "HTTP/1.", 7) == 0;
}

static bool is_named(const char *s, size_t len, const char *name)
{
	return len == strlen(name) && strncasecmp(s, name, len) == 0;
}

/* False: it may be read in two ways. */
static bool is_strict(struct fuzz f, bool old)
{
	const char *s;
	size_t len, hosts = 0, lengths = 0, codings = 0;
	if (!next_line(&f, &s, &len) || !is_request_line(s, len))
		return false;
	while (next_line(&f, &s, &len)) {
		const char *colon = len ? memchr(s, ':', len) : NULL;
		if (len == 0)
			return (hosts == 1 || (old && hosts == 0)) &&
			       codings + lengths <= 1 && !(codings && old);
		size_t name = colon ? (size_t)(colon - s) : 0;
		if (!is_token(s, name))
			return false;
		hosts += is_named(s, name, "Host");
		codings += is_named(s, name, "Transfer-Encoding");
		/* Of equal ones (6.3) the first alone is counted. */
		lengths += lengths == 0 && is_named(s, name, "Content-Length");
	}
	return false;
}

/* --- by libmicrohttpd ---------------------------------------------------- */

static enum MHD_Result answer(
    struct MHD_Connection *c, const struct http_head_fault *fault)
{
	struct MHD_Response *r = fault ? http_head_response(fault)
				       : MHD_create_response_from_buffer(
					     0, NULL, MHD_RESPMEM_PERSISTENT);
	enum MHD_Result result =
	    MHD_queue_response(c, fault ? fault->status : 200, r);
	MHD_destroy_response(r);
	return result;
}

static enum MHD_Result handle(void *arg, struct MHD_Connection *c,
    const char *url, const char *method, const char *version,
    const char *upload, size_t *len, void **state)
{
	struct http_head head;
	(void)arg;
	(void)upload;
	if (*state) {
		*len = 0;
		return MHD_YES;
	}
	*state = &sent;
	http_head_read(c, method, url, version, &head);
	if (http_head_path(url) == NULL ||
	    (version_at && version_at != version))
		head.fault = &http_head_bad_target;
	/* Before 1.0 libmicrohttpd overwrites the ends of lines, so that some
	 * lines that end with LF alone cannot be told from others. */
	if (MHD_VERSION >= 0x01000000 && head.fault == NULL && passed++ == 0)
		CHECK(is_strict(sent, strcmp(version, "HTTP/1.0") == 0));
	return answer(c, head.fault);
}

/* As common/http/httpd.c does, before libmicrohttpd looks at the target. */
static void *on_target(void *arg, const char *target, struct MHD_Connection *c)
{
	(void)arg;
	(void)c;
	(void)http_head_fits(target, MEMORY);
	version_at = http_head_version_at(target);
	return NULL;
}

static void ignore(void *arg, const char *format, va_list ap)
{
	(void)arg;
	(void)format;
	(void)ap;
}

static struct MHD_Daemon *start(void)
{
	struct MHD_Daemon *d =
	    MHD_start_daemon(MHD_USE_NO_LISTEN_SOCKET | MHD_USE_ERROR_LOG, 0,
		NULL, NULL, handle, NULL, MHD_OPTION_EXTERNAL_LOGGER, ignore,
		NULL, MHD_OPTION_URI_LOG_CALLBACK, on_target, NULL,
		STRICTLY MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY,
		MHD_OPTION_END);
	CHECK(d != NULL);
	return d;
}

static void exchange(struct MHD_Daemon *daemon)
{
	static struct sockaddr_storage nobody;
	int pair[2];
	char said[4096];
	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0);
	CHECK(write(pair[0], sent.s, sent.len) > 0);
	shutdown(pair[0], SHUT_WR);
	if (MHD_add_connection(daemon, pair[1], (struct sockaddr *)&nobody,
		sizeof nobody) == MHD_YES) {
		for (int i = 0; i < TURNS; i++) {
			MHD_run(daemon);
			if (read(pair[0], said, sizeof said) == 0)
				break;
		}
	}
	close(pair[0]);
	for (int i = 0; i < 4; i++)
		MHD_run(daemon);
}

int FUZZ_ONE(const uint8_t *data, size_t size)
{
	static struct MHD_Daemon *daemon;
	if (size == 0 || data[0] == '\r' || data[0] == '\n') /* empty lines */
		return 0;
	if (daemon == NULL)
		daemon = start();
	sent = fuzz_of(data, size);
	passed = 0;
	exchange(daemon);
	return 0;
}
