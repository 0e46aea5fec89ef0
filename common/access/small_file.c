#include "common/access/small_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct err small_file_fault(const char *path, const char *reason)
{
	return err_make(ERR_KIND_FATAL, "file", "%s: %s", path, reason);
}

/* One byte more than allowed tells a file that is too large, whatever its
 * size was said to be. */
static struct err small_file_rest(
    const char *path, int fd, size_t most, struct buf *out)
{
	char piece[16384];
	size_t before = out->len;
	for (;;) {
		ssize_t n = read(fd, piece, sizeof piece);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return small_file_fault(path, strerror(errno));
		if (n == 0)
			return ERR_OK;
		buf_add(out, piece, (size_t)n);
		if (out->len - before > most)
			return err_make(ERR_KIND_FATAL, "file",
			    "%s: larger than %zu bytes", path, most);
	}
}

struct err small_file_read(const char *path, size_t most, struct buf *out)
{
	struct stat st;
	/* Opening a pipe must not wait for its writer. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return small_file_fault(path, strerror(errno));
	struct err e = ERR_OK;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		e = small_file_fault(path, "not a regular file");
	if (e.kind == ERR_KIND_OK)
		e = small_file_rest(path, fd, most, out);
	close(fd);
	return e;
}
