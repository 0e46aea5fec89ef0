#include "common/net/web.h"

#include "common/base/check.h"
#include "common/base/mem.h"

#include <curl/curl.h>
#include <stdlib.h>

enum { REDIRECTS_MOST = 3 };

struct web {
	CURLM *multi;
	const char *name;
	char *url, *ca;
	struct curl_slist *headers;
	enum web_place place;
	dur_us_t timeout;
	size_t most;
	bool follows;
	struct web_answer *answer; /* of the request that is under way */
	char error[CURL_ERROR_SIZE];
};

struct web *web_new(const struct web_options *o)
{
	struct web *w = MEM_NEW(struct web);
	CHECK(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
	w->multi = curl_multi_init();
	CHECK(w->multi);
	w->name = o->name;
	w->url = mem_strdup(o->url);
	w->ca = mem_strdup(o->ca);
	w->place = o->place;
	w->timeout = o->timeout;
	w->most = o->most;
	w->follows = o->follows;
	for (size_t i = 0;
	     i < sizeof o->headers / sizeof o->headers[0] && o->headers[i];
	     i++) {
		w->headers = curl_slist_append(w->headers, o->headers[i]);
		CHECK(w->headers);
	}
	return w;
}

void web_free(struct web **wp)
{
	struct web *w = *wp;
	*wp = NULL;
	if (w == NULL)
		return;
	curl_multi_cleanup(w->multi);
	curl_slist_free_all(w->headers);
	free(w->url);
	free(w->ca);
	free(w);
}

static int milliseconds(dur_us_t us)
{
	dur_us_t ms = us / 1000 + 1;
	return ms > 3600000 ? 3600000 : (int)ms;
}

void web_sleep(struct web *w, dur_us_t most)
{
	if (most > 0)
		curl_multi_poll(w->multi, NULL, 0, milliseconds(most), NULL);
}

void web_wake(struct web *w)
{
	curl_multi_wakeup(w->multi);
}

/* More than allowed ends the transfer. */
static size_t web_on_body(char *data, size_t size, size_t n, void *arg)
{
	struct web *w = arg;
	size_t len = size * n;
	if (w->answer->body.len + len > w->most)
		return 0;
	buf_add(&w->answer->body, data, len);
	return len;
}

#define SET(option, value)                                                     \
	CHECK(curl_easy_setopt(easy, CURLOPT_##option, value) == CURLE_OK)

/* What stays on this machine needs no proxy. */
static void set_address(struct web *w, CURL *easy)
{
	bool https = web_place_is_https(w->place);
	SET(URL, w->url);
	SET(PROTOCOLS_STR, https ? "https" : "http,https");
	SET(REDIR_PROTOCOLS_STR, "https");
	SET(FOLLOWLOCATION, w->follows ? 1L : 0L);
	SET(MAXREDIRS, (long)REDIRECTS_MOST);
	if (web_place_is_here(w->place))
		SET(PROXY, "");
	SET(SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (*w->ca)
		SET(CAINFO, w->ca);
}

/* QUICK_EXIT: the end of a request does not wait for a thread of libcurl that
 * looks up a name; it ends on its own. */
static CURL *easy_new(struct web *w, const struct buf *body)
{
	CURL *easy = curl_easy_init();
	CHECK(easy);
	set_address(w, easy);
	SET(HTTPHEADER, w->headers);
	SET(USERAGENT, "sluice/" SLUICE_VERSION);
	SET(NOSIGNAL, 1L);
	SET(TIMEOUT_MS, (long)milliseconds(w->timeout));
	SET(MAXFILESIZE, (long)w->most);
	SET(WRITEFUNCTION, web_on_body);
	SET(WRITEDATA, w);
	SET(ERRORBUFFER, w->error);
	SET(QUICK_EXIT, 1L);
	if (body) {
		SET(POSTFIELDSIZE, (long)body->len);
		SET(POSTFIELDS, body->data ? body->data : "");
	}
	return easy;
}

static struct err web_outcome(struct web *w, CURL *easy, CURLcode code)
{
	long status = 0;
	curl_off_t after = 0;
	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &after);
	w->answer->status = (int)status;
	w->answer->retry_after = after > 0 ? CLOCK_S(after) : 0;
	if (code == CURLE_WRITE_ERROR || code == CURLE_FILESIZE_EXCEEDED)
		return err_make(ERR_KIND_RETRY, w->name,
		    "the answer is larger than %zu bytes", w->most);
	if (code != CURLE_OK)
		return err_make(ERR_KIND_RETRY, w->name, "%.200s",
		    w->error[0] ? w->error : curl_easy_strerror(code));
	return ERR_OK;
}

static struct err transfer(
    struct web *w, CURL *easy, bool (*ends)(void *arg), void *arg)
{
	int running = 1, left;
	while (running && !ends(arg)) {
		CHECK(curl_multi_perform(w->multi, &running) == CURLM_OK);
		if (running)
			curl_multi_poll(
			    w->multi, NULL, 0, milliseconds(w->timeout), NULL);
	}
	CURLMsg *m = curl_multi_info_read(w->multi, &left);
	if (m == NULL)
		return err_make(ERR_KIND_RETRY, w->name, "the daemon ends");
	return web_outcome(w, easy, m->data.result);
}

struct err web_ask(struct web *w, const struct buf *body,
    struct web_answer *out, bool (*ends)(void *arg), void *arg)
{
	w->answer = out;
	w->error[0] = '\0';
	CURL *easy = easy_new(w, body);
	CHECK(curl_multi_add_handle(w->multi, easy) == CURLM_OK);
	struct err e = transfer(w, easy, ends, arg);
	CHECK(curl_multi_remove_handle(w->multi, easy) == CURLM_OK);
	curl_easy_cleanup(easy);
	w->answer = NULL;
	return e;
}
