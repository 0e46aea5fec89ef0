#include "common/net/tls_server.h"

#include "common/base/check.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/net/pem_file.h"

#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Without TLS 1.2's key exchange by RSA, which has no forward secrecy, without
 * finite fields, whose parameters cost much, and without CBC. */
#define ALL_VERSIONS                                                           \
	":-KX-ALL:+ECDHE-ECDSA:+ECDHE-RSA"                                     \
	":-CIPHER-ALL:+AES-128-GCM:+AES-256-GCM:+CHACHA20-POLY1305"            \
	":-MAC-ALL:+AEAD"
static const char priorities_12[] =
    "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2" ALL_VERSIONS;
static const char priorities_13[] =
    "NORMAL:-VERS-ALL:+VERS-TLS1.3" ALL_VERSIONS;

enum { DIGEST = 32 };

struct tls_credentials {
	atomic_size_t users; /* sessions, and the server */
	gnutls_certificate_credentials_t cert;
	bool asks;		      /* clients for a certificate */
	unsigned char digest[DIGEST]; /* of the files */
	char *subject;
	time_t until; /* it expires */
};

struct tls_server {
	const char *name;
	char *cert, *key, *client_ca;
	gnutls_priority_t priorities;
	pthread_mutex_t lock; /* of `present` */
	struct tls_credentials *present;
};

/* --- reading the files --------------------------------------------------- */

struct files {
	gnutls_datum_t cert, key, ca;
};

static void files_free(struct files *f)
{
	pem_file_free(&f->cert);
	pem_file_free(&f->key);
	pem_file_free(&f->ca);
}

static struct err tls_server_bad(const struct tls_server *s,
    const char *setting, const char *path, const char *why)
{
	char name[48];
	snprintf(name, sizeof name, "%s.%s", s->name, setting);
	return pem_file_bad(name, path, why);
}

static struct err read_one(const struct tls_server *s, const char *setting,
    const char *path, gnutls_datum_t *out)
{
	char name[48];
	snprintf(name, sizeof name, "%s.%s", s->name, setting);
	return pem_file_read(name, path, out);
}

static struct err read_files(const struct tls_server *s, struct files *f)
{
	*f = (struct files){{0}, {0}, {0}};
	struct err e = read_one(s, "cert", s->cert, &f->cert);
	if (e.kind == ERR_KIND_OK)
		e = read_one(s, "key", s->key, &f->key);
	if (e.kind == ERR_KIND_OK && s->client_ca[0])
		e = read_one(s, "client_ca", s->client_ca, &f->ca);
	return e;
}

static void digest_files(const struct files *f, unsigned char out[DIGEST])
{
	const gnutls_datum_t *const all[] = {&f->cert, &f->key, &f->ca};
	gnutls_hash_hd_t h;
	CHECK(gnutls_hash_init(&h, GNUTLS_DIG_SHA256) == 0);
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		gnutls_hash(h, &all[i]->size, sizeof all[i]->size);
		gnutls_hash(h, all[i]->data, all[i]->size);
	}
	gnutls_hash_deinit(h, out);
}

/* --- credentials --------------------------------------------------------- */

static struct err take_key(const struct tls_server *s, const struct files *f,
    gnutls_x509_privkey_t key)
{
	int rc = gnutls_x509_privkey_import2(
	    key, &f->key, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN);
	if (rc == GNUTLS_E_DECRYPTION_FAILED)
		return tls_server_bad(s, "key", s->key,
		    "it is encrypted; a key without a password is needed");
	return rc < 0 ? tls_server_bad(s, "key", s->key, gnutls_strerror(rc))
		      : ERR_OK;
}

static void describe(struct tls_credentials *c, gnutls_x509_crt_t crt)
{
	gnutls_datum_t dn = {0};
	c->until = gnutls_x509_crt_get_expiration_time(crt);
	gnutls_x509_crt_get_dn3(crt, &dn, 0);
	c->subject = mem_strdup(dn.data ? (const char *)dn.data : "");
	gnutls_free(dn.data);
}

static void announce(const struct tls_server *s)
{
	char until[32] = "";
	struct tm tm;
	const struct tls_credentials *c = s->present;
	if (gmtime_r(&c->until, &tm))
		strftime(until, sizeof until, "%Y-%m-%dT%H:%M:%SZ", &tm);
	log_event(c->until < time(NULL) ? EV_TLS_EXPIRED : EV_TLS_CERTIFICATE,
	    "for=%s subject=%s not_after=%s", s->name, log_quote(c->subject),
	    until);
}

/* The certificates are freed by the caller. */
static struct err take_chain(const struct tls_server *s, const struct files *f,
    struct tls_credentials *c, gnutls_x509_crt_t *chain, unsigned n)
{
	gnutls_x509_privkey_t key;
	CHECK(gnutls_x509_privkey_init(&key) == 0);
	struct err e = take_key(s, f, key);
	if (e.kind == ERR_KIND_OK) {
		int rc = gnutls_certificate_set_x509_key(
		    c->cert, chain, (int)n, key);
		if (rc == GNUTLS_E_CERTIFICATE_KEY_MISMATCH)
			e = tls_server_bad(s, "key", s->key,
			    "it is not the key of the certificate");
		else if (rc < 0)
			e = tls_server_bad(
			    s, "cert", s->cert, gnutls_strerror(rc));
	}
	gnutls_x509_privkey_deinit(key);
	if (e.kind == ERR_KIND_OK)
		describe(c, chain[0]);
	return e;
}

static struct err take_certificate(const struct tls_server *s,
    const struct files *f, struct tls_credentials *c)
{
	gnutls_x509_crt_t *chain;
	unsigned n;
	int rc = gnutls_x509_crt_list_import2(
	    &chain, &n, &f->cert, GNUTLS_X509_FMT_PEM, 0);
	if (rc < 0)
		return tls_server_bad(s, "cert", s->cert, gnutls_strerror(rc));
	struct err e = take_chain(s, f, c, chain, n);
	for (unsigned i = 0; i < n; i++)
		gnutls_x509_crt_deinit(chain[i]);
	gnutls_free(chain);
	return e;
}

static struct err take_authorities(const struct tls_server *s,
    const struct files *f, struct tls_credentials *c)
{
	if (f->ca.size == 0)
		return ERR_OK;
	c->asks = true;
	int rc = gnutls_certificate_set_x509_trust_mem(
	    c->cert, &f->ca, GNUTLS_X509_FMT_PEM);
	if (rc > 0)
		return ERR_OK;
	return tls_server_bad(s, "client_ca", s->client_ca,
	    rc < 0 ? gnutls_strerror(rc) : "it has no certificate");
}

void tls_credentials_release(struct tls_credentials **cp)
{
	struct tls_credentials *c = *cp;
	*cp = NULL;
	if (c == NULL || atomic_fetch_sub(&c->users, 1) > 1)
		return;
	gnutls_certificate_free_credentials(c->cert);
	free(c->subject);
	free(c);
}

static struct err load(const struct tls_server *s, struct tls_credentials **out)
{
	struct files f;
	struct tls_credentials *c = NULL;
	struct err e = read_files(s, &f);
	if (e.kind == ERR_KIND_OK) {
		c = MEM_NEW(struct tls_credentials);
		atomic_init(&c->users, 1);
		CHECK(gnutls_certificate_allocate_credentials(&c->cert) == 0);
		digest_files(&f, c->digest);
		e = take_certificate(s, &f, c);
	}
	if (e.kind == ERR_KIND_OK)
		e = take_authorities(s, &f, c);
	files_free(&f);
	if (e.kind != ERR_KIND_OK)
		tls_credentials_release(&c);
	*out = c;
	return e;
}

/* --- sessions ------------------------------------------------------------ */

static gnutls_alert_description_t alert_of(unsigned status)
{
	if (status & GNUTLS_CERT_SIGNER_NOT_FOUND)
		return GNUTLS_A_UNKNOWN_CA;
	if (status & GNUTLS_CERT_EXPIRED)
		return GNUTLS_A_CERTIFICATE_EXPIRED;
	return GNUTLS_A_BAD_CERTIFICATE;
}

/* During the handshake. A client without a certificate is none of our business:
 * it may have other credentials. */
static int verify_client(gnutls_session_t session)
{
	gnutls_typed_vdata_st purpose = {GNUTLS_DT_KEY_PURPOSE_OID,
	    (unsigned char *)(uintptr_t)GNUTLS_KP_TLS_WWW_CLIENT, 0};
	unsigned n, status;
	if (gnutls_certificate_get_peers(session, &n) == NULL)
		return 0;
	int rc = gnutls_certificate_verify_peers(session, &purpose, 1, &status);
	if (rc == 0 && status == 0)
		return 0;
	/* libmicrohttpd would only close the connection. */
	gnutls_alert_send(
	    session, GNUTLS_AL_FATAL, alert_of(rc == 0 ? status : 0));
	return GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR;
}

static struct tls_credentials *take_present(struct tls_server *s)
{
	pthread_mutex_lock(&s->lock);
	struct tls_credentials *c = s->present;
	atomic_fetch_add(&c->users, 1);
	pthread_mutex_unlock(&s->lock);
	return c;
}

struct tls_credentials *tls_server_begin(
    struct tls_server *s, gnutls_session_t session)
{
	static const gnutls_datum_t http = {
	    (unsigned char *)(uintptr_t) "http/1.1", 8};
	struct tls_credentials *c = take_present(s);
	CHECK(gnutls_priority_set(session, s->priorities) == 0);
	CHECK(gnutls_credentials_set(
		  session, GNUTLS_CRD_CERTIFICATE, c->cert) == 0);
	gnutls_alpn_set_protocols(session, &http, 1, 0);
	gnutls_certificate_server_set_request(
	    session, c->asks ? GNUTLS_CERT_REQUEST : GNUTLS_CERT_IGNORE);
	if (c->asks)
		gnutls_session_set_verify_function(session, verify_client);
	return c;
}

/* --- interface ----------------------------------------------------------- */

struct err tls_server_check(const struct tls_server_options *o, bool *wanted)
{
	*wanted = o->cert[0] && o->key[0];
	if (*wanted || (!o->cert[0] && !o->key[0] && !o->client_ca[0]))
		return ERR_OK;
	return err_make(ERR_KIND_FATAL, "config",
	    "setting '%s.%s' is missing: TLS needs %s.cert and %s.key", o->name,
	    o->cert[0] ? "key" : "cert", o->name, o->name);
}

static struct err tls_server_make(
    const struct tls_server_options *o, struct tls_server **out)
{
	struct tls_server *s = MEM_NEW(struct tls_server);
	s->name = o->name;
	s->cert = mem_strdup(o->cert);
	s->key = mem_strdup(o->key);
	s->client_ca = mem_strdup(o->client_ca);
	pthread_mutex_init(&s->lock, NULL);
	CHECK(gnutls_priority_init(&s->priorities,
		  o->only_13 ? priorities_13 : priorities_12, NULL) == 0);
	struct err e = load(s, &s->present);
	if (e.kind != ERR_KIND_OK)
		tls_server_free(&s);
	*out = s;
	return e;
}

struct err tls_server_check_files(const struct tls_server_options *o)
{
	bool wanted;
	struct tls_server *s = NULL;
	struct err e = tls_server_check(o, &wanted);
	if (e.kind == ERR_KIND_OK && wanted)
		e = tls_server_make(o, &s);
	tls_server_free(&s);
	return e;
}

struct err tls_server_new(
    const struct tls_server_options *o, struct tls_server **out)
{
	struct err e = tls_server_make(o, out);
	if (e.kind == ERR_KIND_OK)
		announce(*out);
	return e;
}

struct err tls_server_reload(void *server, bool *changed)
{
	struct tls_server *s = server;
	struct tls_credentials *now;
	struct err e = load(s, &now);
	if (e.kind != ERR_KIND_OK)
		return e;
	pthread_mutex_lock(&s->lock);
	struct tls_credentials *former = s->present;
	s->present = now;
	pthread_mutex_unlock(&s->lock);
	*changed = memcmp(former->digest, now->digest, DIGEST) != 0;
	tls_credentials_release(&former);
	if (*changed)
		announce(s);
	return ERR_OK;
}

void tls_server_free(struct tls_server **sp)
{
	struct tls_server *s = *sp;
	if (s == NULL)
		return;
	tls_credentials_release(&s->present);
	gnutls_priority_deinit(s->priorities);
	pthread_mutex_destroy(&s->lock);
	free(s->cert);
	free(s->key);
	free(s->client_ca);
	free(s);
	*sp = NULL;
}
