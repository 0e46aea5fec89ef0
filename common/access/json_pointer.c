#include "common/access/json_pointer.h"

#include "common/base/check.h"
#include "common/base/mem.h"
#include "common/base/utf8.h"

#include <stdlib.h>
#include <string.h>

bool json_pointer_valid(const char *pointer)
{
	if (*pointer && *pointer != '/')
		return false;
	for (const char *s = pointer; (s = strchr(s, '~')); s++) {
		if (s[1] != '0' && s[1] != '1')
			return false;
	}
	return utf8_valid(pointer, strlen(pointer));
}

/* The characters of a token, with ~1 and ~0 resolved, at most `len`. */
static size_t unescape(char *out, const char *token, size_t len)
{
	size_t n = 0;
	for (size_t i = 0; i < len; i++) {
		char c = token[i];
		if (c == '~')
			c = token[++i] == '1' ? '/' : '~';
		out[n++] = c;
	}
	return n;
}

/* An index has one spelling: no sign, no leading zero. `-`, the element after
 * the last one, never exists. */
static json_t *element(json_t *array, const char *token, size_t len)
{
	size_t index = 0;
	if (len == 0 || len > 9 || (len > 1 && *token == '0'))
		return NULL;
	for (size_t i = 0; i < len; i++) {
		if (token[i] < '0' || token[i] > '9')
			return NULL;
		index = index * 10 + (size_t)(token[i] - '0');
	}
	return json_array_get(array, index);
}

static json_t *member(json_t *object, const char *token, size_t len)
{
	char *name = mem_alloc(len + 1);
	name[unescape(name, token, len)] = '\0';
	json_t *found = json_object_get(object, name);
	free(name);
	return found;
}

json_t *json_pointer_find(json_t *document, const char *pointer)
{
	bool valid = json_pointer_valid(pointer);
	CHECK(valid);
	while (document && *pointer) {
		const char *token = pointer + 1;
		size_t len = strcspn(token, "/");
		if (json_is_array(document))
			document = element(document, token, len);
		else
			document = member(document, token, len);
		pointer = token + len;
	}
	return document;
}

bool json_pointer_path_valid(const char *path)
{
	if (*path == '/')
		return json_pointer_valid(path);
	return *path && utf8_valid(path, strlen(path));
}

json_t *json_pointer_path_find(json_t *document, const char *path)
{
	if (*path == '/')
		return json_pointer_find(document, path);
	return json_object_get(document, path);
}
