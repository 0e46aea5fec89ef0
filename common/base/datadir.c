#include "common/base/datadir.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void datadir_folder(struct buf *out, const char *name)
{
	char program[4096];
	struct stat st;
	size_t before = out->len;
	ssize_t len = readlink("/proc/self/exe", program, sizeof program - 1);
	program[len > 0 ? len : 0] = '\0';
	char *slash = strrchr(program, '/');
	if (slash)
		*slash = '\0';
	buf_printf(out, "%s/%s", program, name);
	if (stat(out->data + before, &st) == 0)
		return;
	out->len = before;
	buf_printf(out, "%s/../share/sluice/%s", program, name);
}
