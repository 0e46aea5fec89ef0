#include "common/net/pem_file.h"

#include "common/access/small_file.h"
#include "common/base/buf.h"

#include <stdlib.h>
#include <string.h>

struct err pem_file_bad(const char *setting, const char *path, const char *why)
{
	return err_make(
	    ERR_KIND_FATAL, "tls", "setting '%s': %s: %s", setting, path, why);
}

struct err pem_file_read(
    const char *setting, const char *path, gnutls_datum_t *out)
{
	struct buf text = {0};
	*out = (gnutls_datum_t){0};
	struct err e = small_file_read(path, PEM_FILE_MAX, &text);
	if (e.kind != ERR_KIND_OK)
		e = err_make(
		    ERR_KIND_FATAL, "tls", "setting '%s': %s", setting, e.msg);
	else if (text.len == 0)
		e = pem_file_bad(setting, path, "it is empty");
	if (e.kind == ERR_KIND_OK) {
		out->size = (unsigned)text.len;
		out->data = (unsigned char *)buf_take(&text, NULL);
	}
	buf_free(&text);
	return e;
}

void pem_file_free(gnutls_datum_t *d)
{
	if (d->data)
		explicit_bzero(d->data, d->size);
	free(d->data);
	*d = (gnutls_datum_t){0};
}
