# Writes a file as C, so that it is part of a program. CMakeLists.txt
# (sluice_embed) calls it for each such file:
#
#   cmake -DIN=<file> -DOUT=<file>.c -P common/base/embed.cmake
#
# What it writes:
#
#   x.html, x.json, x.js, x.css
#                    const struct embedded x_html (api/openapi/embedded.h): the
#                    bytes as they are; of HTML with one <script> or <style>,
#                    also their hashes.
#   x.lua, x.sql     const char x_lua[]: the text without its comments.
#   x.sql, with lines `-- name: y` or `-- name: y, shape: z`
#                    const struct pg_statement x_y (common/postgres/pg_statement.h)
#                    for each name: the text up to the next name, without its
#                    comments, in one line.
#
# "Without its comments": lines that are empty or begin with `--` (after blanks)
# are left out. A comment behind code stays, so write none. There are two
# reasons. Redis and Postgres know a script or a prepared statement by its text:
# if only a comment changes, the old and the new release share it. And the lines
# of a statement are joined by a space, so that Postgres logs it in one line; a
# comment would swallow the rest.

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

# Bytes as hex digits, two and a blank each, as a C string in short pieces.
function(c_string bytes out)
  string(REGEX REPLACE "(..) " "\\\\x\\1" bytes "${bytes}")
  string(REGEX REPLACE "((\\\\x..)(\\\\x..)?(\\\\x..)?(\\\\x..)?(\\\\x..)?(\\\\x..)?(\\\\x..)?(\\\\x..)?)" "\"\\1\"\n" bytes "${bytes}")
  set(${out} "${bytes}" PARENT_SCOPE)
endfunction()

function(page)
  hash_of(script script)
  hash_of(style style)
  c_string("${bytes}" string)
  file(WRITE "${OUT}" "#include \"api/openapi/embedded.h\"\n
static const char text[] = ${string};\n
const struct embedded ${stem}_${kind} = {text, sizeof text - 1, ${script}, ${style}};\n")
endfunction()

# The lines that are no comment, as hex. A list of them has no character that
# means something to CMake, whatever the file holds. `@`: a line `-- name: `.
function(code_lines out)
  string(REPLACE "0a " ";" lines "${bytes}")
  set(code "")
  foreach(line IN LISTS lines)
    if(line MATCHES "^2d 2d 20 6e 61 6d 65 3a 20 ") # `-- name: `
      list(APPEND code @)
    elseif(NOT line MATCHES "^(09 |20 |0d )*(2d 2d .*)?$")
      list(APPEND code "${line}")
    endif()
  endforeach()
  set(${out} "${code}" PARENT_SCOPE)
endfunction()

function(script)
  code_lines(lines)
  list(JOIN lines "0a " bytes)
  c_string("${bytes}0a " string)
  file(WRITE "${OUT}" "extern const char ${stem}_${kind}[];\n
const char ${stem}_${kind}[] = ${string};\n")
endfunction()

# `names` are the lines `-- name: `; `lines` has an `@` for each of them.
function(statements names)
  code_lines(lines)
  set(out "#include \"common/postgres/pg_statement.h\"\n")
  set(bytes "")
  foreach(line IN LISTS lines ITEMS @)
    if(NOT line STREQUAL "@")
      string(REGEX REPLACE "^(09 |20 )+" "" line "${line}")
      string(APPEND bytes "${line}20 ")
      continue()
    endif()
    if(DEFINED name)
      string(REGEX REPLACE "20 $" "" bytes "${bytes}")
      c_string("${bytes}" string)
      string(APPEND out "\nextern const struct pg_statement ${stem}_${name};
const struct pg_statement ${stem}_${name} = {${string}, ${shape}};\n")
      set(bytes "")
    endif()
    if(names)
      list(POP_FRONT names head)
      if(NOT head MATCHES "^-- name: ([a-z0-9_]+)(, shape: ([^ ]+))?$")
        message(FATAL_ERROR "${IN}: not a name: ${head}")
      endif()
      set(name ${CMAKE_MATCH_1})
      set(shape 0)
      if(CMAKE_MATCH_3)
        set(shape "\"${CMAKE_MATCH_3}\"")
      endif()
    endif()
  endforeach()
  file(WRITE "${OUT}" "${out}")
endfunction()

cmake_minimum_required(VERSION 3.25)
get_filename_component(stem "${IN}" NAME_WE)
get_filename_component(kind "${IN}" LAST_EXT)
string(SUBSTRING "${kind}" 1 -1 kind)
file(READ "${IN}" text)
file(READ "${IN}" hex HEX)
string(REGEX REPLACE "(..)" "\\1 " bytes "${hex}")
file(STRINGS "${IN}" names REGEX "^-- name: ")
if(kind STREQUAL sql AND names)
  statements("${names}")
elseif(kind STREQUAL sql OR kind STREQUAL lua)
  script()
else()
  page()
endif()
