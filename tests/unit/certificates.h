/* Certificates and keys for tests, made at once, as files in a folder. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct certificate {
	gnutls_x509_crt_t crt;
	gnutls_x509_privkey_t key;
	char cert_path[96], key_path[96];
};

static void certificate_save(
    const char *path, const gnutls_datum_t *text, const char *mode)
{
	FILE *f = fopen(path, mode);
	assert_non_null(f);
	assert_int_equal(fwrite(text->data, 1, text->size, f), text->size);
	fclose(f);
}

static void certificate_write(struct certificate *c)
{
	gnutls_datum_t text;
	assert_int_equal(
	    gnutls_x509_crt_export2(c->crt, GNUTLS_X509_FMT_PEM, &text), 0);
	certificate_save(c->cert_path, &text, "w");
	gnutls_free(text.data);
	assert_int_equal(
	    gnutls_x509_privkey_export2(c->key, GNUTLS_X509_FMT_PEM, &text), 0);
	certificate_save(c->key_path, &text, "w");
	gnutls_free(text.data);
}

static void certificate_fill(struct certificate *c, const char *dn, bool ca)
{
	const char *where;
	assert_int_equal(gnutls_x509_crt_init(&c->crt), 0);
	assert_int_equal(gnutls_x509_privkey_init(&c->key), 0);
	assert_int_equal(
	    gnutls_x509_privkey_generate(c->key, GNUTLS_PK_ECDSA,
		GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0),
	    0);
	gnutls_x509_crt_set_version(c->crt, 3);
	gnutls_x509_crt_set_serial(c->crt, "\1", 1);
	gnutls_x509_crt_set_activation_time(c->crt, time(NULL) - 3600);
	gnutls_x509_crt_set_expiration_time(c->crt, time(NULL) + 3600);
	assert_int_equal(gnutls_x509_crt_set_dn(c->crt, dn, &where), 0);
	gnutls_x509_crt_set_key(c->crt, c->key);
	gnutls_x509_crt_set_basic_constraints(c->crt, ca, -1);
}

static void certificate_sign(
    struct certificate *c, const struct certificate *ca)
{
	assert_int_equal(gnutls_x509_crt_sign2(
			     c->crt, ca->crt, ca->key, GNUTLS_DIG_SHA256, 0),
	    0);
	certificate_write(c);
}

static void certificate_paths(
    struct certificate *c, const char *folder, const char *name)
{
	snprintf(c->cert_path, sizeof c->cert_path, "%s/%s.pem", folder, name);
	snprintf(c->key_path, sizeof c->key_path, "%s/%s.key", folder, name);
}

/* An authority that signs itself. */
static void certificate_authority(
    struct certificate *c, const char *folder, const char *name)
{
	certificate_paths(c, folder, name);
	certificate_fill(c, "CN=authority", true);
	gnutls_x509_crt_set_key_usage(c->crt, GNUTLS_KEY_KEY_CERT_SIGN);
	certificate_sign(c, c);
}

/* For a server or a client, with one DNS name. */
static void certificate_issue(struct certificate *c, const char *folder,
    const char *name, const struct certificate *ca, const char *dn,
    const char *dns)
{
	certificate_paths(c, folder, name);
	certificate_fill(c, dn, false);
	gnutls_x509_crt_set_subject_alt_name(c->crt, GNUTLS_SAN_DNSNAME, dns,
	    (unsigned)strlen(dns), GNUTLS_FSAN_SET);
	certificate_sign(c, ca);
}

/* The same, but it has expired. */
__attribute__((unused)) static void certificate_expire(
    struct certificate *c, const struct certificate *ca)
{
	gnutls_x509_crt_set_expiration_time(c->crt, time(NULL) - 60);
	certificate_sign(c, ca);
}

static void certificate_free(struct certificate *c)
{
	gnutls_x509_crt_deinit(c->crt);
	gnutls_x509_privkey_deinit(c->key);
	unlink(c->cert_path);
	unlink(c->key_path);
}
