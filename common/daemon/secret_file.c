#include "common/daemon/secret_file.h"

#include "common/access/small_file.h"
#include "common/base/buf.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static bool has_control(const struct buf *text)
{
	for (size_t i = 0; i < text->len; i++) {
		if ((unsigned char)text->data[i] < ' ' || text->data[i] == 0x7f)
			return true;
	}
	return false;
}

static void drop_newline(struct buf *text)
{
	static const char ends[] = "\n\r"; /* the last byte first */
	for (const char *end = ends; *end; end++) {
		if (text->len && text->data[text->len - 1] == *end)
			text->data[--text->len] = '\0';
	}
}

/* NULL: it is fine. */
static const char *judge_text(struct buf *text)
{
	drop_newline(text);
	if (text->len == 0)
		return "it is empty";
	if (has_control(text))
		return "it has a control character; only one newline at the "
		       "end is allowed";
	return NULL;
}

struct err secret_file_read(const char *path, char **out)
{
	struct buf text = {0};
	*out = NULL;
	struct err e = small_file_read(path, SECRET_FILE_MAX, &text);
	const char *why = e.kind == ERR_KIND_OK ? judge_text(&text) : NULL;
	if (why)
		e = err_make(ERR_KIND_FATAL, "config", "%s: %s", path, why);
	if (e.kind == ERR_KIND_OK) {
		*out = buf_take(&text, NULL);
		return e;
	}
	if (text.len)
		explicit_bzero(text.data, text.len);
	buf_free(&text);
	return e;
}
