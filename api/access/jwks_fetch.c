#include "api/access/jwks_fetch.h"

#include "common/access/jwks.h"
#include "common/base/check.h"
#include "common/base/mem.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

enum { REDIRECTS_MOST = 3, STATUS_OK = 200 };

struct jwks_fetch {
	CURLM *multi;
	char *url, *ca;
	enum jwks_place place;
	dur_us_t timeout;
	struct buf *body; /* of the fetch that is under way */
	char error[CURL_ERROR_SIZE];
};

struct jwks_fetch *jwks_fetch_new(
    const char *url, enum jwks_place place, const char *ca, dur_us_t timeout)
{
	struct jwks_fetch *f = MEM_NEW(struct jwks_fetch);
	CHECK(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
	f->multi = curl_multi_init();
	CHECK(f->multi);
	f->url = mem_strdup(url);
	f->ca = mem_strdup(ca);
	f->place = place;
	f->timeout = timeout;
	return f;
}

void jwks_fetch_free(struct jwks_fetch **fp)
{
	struct jwks_fetch *f = *fp;
	*fp = NULL;
	if (f == NULL)
		return;
	curl_multi_cleanup(f->multi);
	free(f->url);
	free(f->ca);
	free(f);
}

static int milliseconds(dur_us_t us)
{
	dur_us_t ms = us / 1000 + 1;
	return ms > 3600000 ? 3600000 : (int)ms;
}

void jwks_fetch_sleep(struct jwks_fetch *f, dur_us_t most)
{
	if (most > 0)
		curl_multi_poll(f->multi, NULL, 0, milliseconds(most), NULL);
}

void jwks_fetch_wake(struct jwks_fetch *f)
{
	curl_multi_wakeup(f->multi);
}

/* More than allowed ends the transfer. */
static size_t jwks_fetch_body(char *data, size_t size, size_t n, void *arg)
{
	struct jwks_fetch *f = arg;
	size_t len = size * n;
	if (f->body->len + len > JWKS_BYTES_MOST)
		return 0;
	buf_add(f->body, data, len);
	return len;
}

#define SET(option, value)                                                     \
	CHECK(curl_easy_setopt(easy, CURLOPT_##option, value) == CURLE_OK)

/* A redirect is followed to https only, whatever it begins with. What stays on
 * this machine needs no proxy. */
static void set_address(struct jwks_fetch *f, CURL *easy)
{
	bool here = f->place != JWKS_PLACE_HTTPS;
	bool http = f->place == JWKS_PLACE_HTTP_HERE;
	SET(URL, f->url);
	SET(PROTOCOLS_STR, http ? "http,https" : "https");
	SET(REDIR_PROTOCOLS_STR, "https");
	SET(FOLLOWLOCATION, 1L);
	SET(MAXREDIRS, (long)REDIRECTS_MOST);
	if (here)
		SET(PROXY, "");
	SET(SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (*f->ca)
		SET(CAINFO, f->ca);
}

/* QUICK_EXIT: the end of a fetch does not wait for a thread of libcurl that
 * looks up a name; it ends on its own. */
static CURL *easy_new(struct jwks_fetch *f, struct curl_slist *headers)
{
	CURL *easy = curl_easy_init();
	CHECK(easy);
	set_address(f, easy);
	SET(HTTPHEADER, headers);
	SET(USERAGENT, "sluice/" SLUICE_VERSION);
	SET(NOSIGNAL, 1L);
	SET(TIMEOUT_MS, (long)milliseconds(f->timeout));
	SET(MAXFILESIZE, (long)JWKS_BYTES_MOST);
	SET(WRITEFUNCTION, jwks_fetch_body);
	SET(WRITEDATA, f);
	SET(ERRORBUFFER, f->error);
	SET(QUICK_EXIT, 1L);
	return easy;
}

static struct err outcome_of(struct jwks_fetch *f, CURL *easy, CURLcode code)
{
	long status = 0;
	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	if (code == CURLE_WRITE_ERROR || code == CURLE_FILESIZE_EXCEEDED)
		return err_make(ERR_KIND_RETRY, "jwks",
		    "the answer is larger than %d bytes", JWKS_BYTES_MOST);
	if (code != CURLE_OK)
		return err_make(ERR_KIND_RETRY, "jwks", "%.200s",
		    f->error[0] ? f->error : curl_easy_strerror(code));
	if (status != STATUS_OK)
		return err_make(ERR_KIND_RETRY, "jwks",
		    "the answer has the status %ld", status);
	return ERR_OK;
}

static struct err transfer(
    struct jwks_fetch *f, CURL *easy, bool (*ends)(void *arg), void *arg)
{
	int running = 1, left;
	while (running && !ends(arg)) {
		CHECK(curl_multi_perform(f->multi, &running) == CURLM_OK);
		if (running)
			curl_multi_poll(
			    f->multi, NULL, 0, milliseconds(f->timeout), NULL);
	}
	CURLMsg *m = curl_multi_info_read(f->multi, &left);
	if (m == NULL)
		return err_make(ERR_KIND_RETRY, "jwks", "the daemon ends");
	return outcome_of(f, easy, m->data.result);
}

struct err jwks_fetch_get(
    struct jwks_fetch *f, struct buf *body, bool (*ends)(void *arg), void *arg)
{
	struct curl_slist *headers = curl_slist_append(
	    NULL, "Accept: application/jwk-set+json, application/json");
	CHECK(headers);
	f->body = body;
	f->error[0] = '\0';
	CURL *easy = easy_new(f, headers);
	CHECK(curl_multi_add_handle(f->multi, easy) == CURLM_OK);
	struct err e = transfer(f, easy, ends, arg);
	CHECK(curl_multi_remove_handle(f->multi, easy) == CURLM_OK);
	curl_easy_cleanup(easy);
	curl_slist_free_all(headers);
	f->body = NULL;
	return e;
}
