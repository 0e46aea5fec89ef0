#include "common/daemon/secret_file.h"

#include "common/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct err secret_file_bad(const char *path, const char *why)
{
	return err_make(
	    ERR_KIND_FATAL, "config", "the file '%s': %s", path, why);
}

static const char *look_at(int fd)
{
	struct stat st;
	if (fstat(fd, &st) != 0)
		return strerror(errno);
	return S_ISREG(st.st_mode) ? NULL : "it is not a regular file";
}

/* Fills `text` up to `max` bytes. NULL: done; *len has the number of bytes. */
static const char *read_up_to(int fd, char *text, size_t max, size_t *len)
{
	*len = 0;
	while (*len < max) {
		ssize_t n = read(fd, text + *len, max - *len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return strerror(errno);
		if (n == 0)
			return NULL;
		*len += (size_t)n;
	}
	return NULL;
}

static bool has_control(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			return true;
	}
	return false;
}

static size_t without_newline(const char *text, size_t len)
{
	len -= len > 0 && text[len - 1] == '\n';
	len -= len > 0 && text[len - 1] == '\r';
	return len;
}

static const char *judge_text(char *text, size_t len)
{
	if (len > SECRET_FILE_MAX)
		return "it is larger than 64 KiB";
	len = without_newline(text, len);
	if (len == 0)
		return "it is empty";
	if (has_control(text, len))
		return "it has a control character; only one newline at the "
		       "end is allowed";
	text[len] = '\0';
	return NULL;
}

struct err secret_file_read(const char *path, char **out)
{
	*out = NULL;
	/* Else the open of a pipe waits for its writer. */
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return secret_file_bad(path, strerror(errno));
	/* A byte more, to find that it is too large; and the final NUL. */
	char *text = mem_alloc(SECRET_FILE_MAX + 2);
	size_t len = 0;
	const char *why = look_at(fd);
	if (why == NULL)
		why = read_up_to(fd, text, SECRET_FILE_MAX + 1, &len);
	if (why == NULL)
		why = judge_text(text, len);
	close(fd);
	if (why == NULL)
		*out = mem_strdup(text);
	explicit_bzero(text, SECRET_FILE_MAX + 2);
	free(text);
	return why ? secret_file_bad(path, why) : ERR_OK;
}
