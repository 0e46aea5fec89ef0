# Writes a file as C (api/service/embedded.h): cmake -DIN=… -DOUT=… -DNAME=… -P this.
# Of HTML with one <script> or <style>, their hashes too.

function(base64_of hex out)
  set(digits ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/)
  set(text "")
  foreach(at RANGE 0 63 3)
    string(SUBSTRING "${hex}00" ${at} 3 three)
    math(EXPR high "0x${three} >> 6")
    math(EXPR low "0x${three} & 63")
    string(SUBSTRING ${digits} ${high} 1 a)
    string(SUBSTRING ${digits} ${low} 1 b)
    string(APPEND text ${a}${b})
  endforeach()
  string(SUBSTRING ${text} 0 43 text) # the 44th is of the padding
  set(${out} "${text}=" PARENT_SCOPE)
endfunction()

function(hash_of element out)
  set(${out} "0" PARENT_SCOPE)
  string(FIND "${text}" "<${element}>" from)
  if(from EQUAL -1)
    return()
  endif()
  string(LENGTH "<${element}>" tag)
  math(EXPR from "${from} + ${tag}")
  string(SUBSTRING "${text}" ${from} -1 inside)
  string(FIND "${inside}" "</${element}>" length)
  string(SUBSTRING "${inside}" 0 ${length} inside)
  string(SHA256 hex "${inside}")
  base64_of(${hex} hash)
  set(${out} "\"'sha256-${hash}'\"" PARENT_SCOPE)
endfunction()

file(READ "${IN}" hex HEX)
file(READ "${IN}" text)
hash_of(script script)
hash_of(style style)
string(REGEX REPLACE "(..)" "\\\\x\\1" bytes "${hex}")
# In pieces: the longest string that C promises has 4095 characters.
string(REGEX REPLACE "((\\\\x..)(\\\\x..)?(\\\\x..)?(\\\\x..)?(\\\\x..)?(\\\\x..)?(\\\\x..)?(\\\\x..)?)" "\"\\1\"\n" bytes "${bytes}")
file(WRITE "${OUT}" "#include \"api/service/embedded.h\"\n
static const char text[] = ${bytes};\n
const struct embedded ${NAME} = {text, sizeof text - 1, ${script}, ${style}};\n")
