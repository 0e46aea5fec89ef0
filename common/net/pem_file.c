#include "common/net/pem_file.h"

#include "common/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct err pem_file_bad(const char *setting, const char *path, const char *why)
{
	return err_make(ERR_KIND_FATAL, "tls",
	    "setting '%s': the file '%s': %s", setting, path, why);
}

static const char *pem_file_size(int fd, size_t *size)
{
	struct stat st;
	if (fstat(fd, &st) != 0)
		return strerror(errno);
	if (!S_ISREG(st.st_mode))
		return "it is not a regular file";
	if (st.st_size == 0)
		return "it is empty";
	*size = (size_t)st.st_size;
	return st.st_size > PEM_FILE_MAX ? "it is larger than 1 MiB" : NULL;
}

static const char *pem_file_fill(int fd, gnutls_datum_t *d)
{
	unsigned have = 0;
	while (have < d->size) {
		ssize_t n = read(fd, d->data + have, d->size - have);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return strerror(errno);
		if (n == 0)
			return "it was shortened while it was read";
		have += (unsigned)n;
	}
	return NULL;
}

struct err pem_file_read(
    const char *setting, const char *path, gnutls_datum_t *out)
{
	*out = (gnutls_datum_t){0};
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return pem_file_bad(setting, path, strerror(errno));
	size_t size = 0;
	const char *why = pem_file_size(fd, &size);
	if (why == NULL) {
		out->data = mem_zalloc(size + 1);
		out->size = (unsigned)size;
		why = pem_file_fill(fd, out);
	}
	close(fd);
	if (why == NULL)
		return ERR_OK;
	pem_file_free(out);
	return pem_file_bad(setting, path, why);
}

void pem_file_free(gnutls_datum_t *d)
{
	if (d->data)
		explicit_bzero(d->data, d->size);
	free(d->data);
	*d = (gnutls_datum_t){0};
}
