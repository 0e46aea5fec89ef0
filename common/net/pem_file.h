/* A file with certificates or a private key. */
#pragma once

#include "common/base/err.h"

#include <gnutls/gnutls.h>
#include <stddef.h>

/* It may have this many bytes: a list of all public authorities has a quarter
 * of that. */
enum { PEM_FILE_MAX = 1 << 20 };

/* Reads a regular file. FATAL: it cannot be read, is empty or too large; the
 * error has the setting's name and the path. */
struct err pem_file_read(
    const char *setting, const char *path, gnutls_datum_t *out);
/* Overwrites it first: it may be a key. */
void pem_file_free(gnutls_datum_t *d);
/* The error of a file whose content is not what it should be. */
struct err pem_file_bad(const char *setting, const char *path, const char *why);
